#include "frontend/query/search_attribute_names.hpp"

#include "frontend/call/errors.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <set>

namespace reprise::frontend {

namespace enums = temporal::api::enums::v1;

const attribute_types& system_attributes() {
  static const attribute_types all{
    {"WorkflowId", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"RunId", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"WorkflowType", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"StartTime", enums::INDEXED_VALUE_TYPE_DATETIME},
    {"ExecutionTime", enums::INDEXED_VALUE_TYPE_DATETIME},
    {"CloseTime", enums::INDEXED_VALUE_TYPE_DATETIME},
    {"ExecutionStatus", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"TaskQueue", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"HistoryLength", enums::INDEXED_VALUE_TYPE_INT},
    {"HistorySizeBytes", enums::INDEXED_VALUE_TYPE_INT},
    {"ExecutionDuration", enums::INDEXED_VALUE_TYPE_INT},
    {"StateTransitionCount", enums::INDEXED_VALUE_TYPE_INT},
    {"ParentWorkflowId", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"ParentRunId", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"RootWorkflowId", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"RootRunId", enums::INDEXED_VALUE_TYPE_KEYWORD},
  };
  return all;
}

const attribute_types& predefined_attributes() {
  static const attribute_types all{
    {"TemporalChangeVersion", enums::INDEXED_VALUE_TYPE_KEYWORD_LIST},
    {"BinaryChecksums", enums::INDEXED_VALUE_TYPE_KEYWORD_LIST},
    {"BuildIds", enums::INDEXED_VALUE_TYPE_KEYWORD_LIST},
    {"BatcherNamespace", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"BatcherUser", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"TemporalScheduledStartTime", enums::INDEXED_VALUE_TYPE_DATETIME},
    {"TemporalScheduledById", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"TemporalSchedulePaused", enums::INDEXED_VALUE_TYPE_BOOL},
    {"TemporalNamespaceDivision", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"TemporalPauseInfo", enums::INDEXED_VALUE_TYPE_KEYWORD_LIST},
    {"TemporalReportedProblems", enums::INDEXED_VALUE_TYPE_KEYWORD_LIST},
    {"TemporalWorkerDeployment", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"TemporalWorkerDeploymentVersion", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"TemporalWorkflowVersioningBehavior", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"TemporalUsedWorkerDeploymentVersions", enums::INDEXED_VALUE_TYPE_KEYWORD_LIST},
    {"TemporalExternalPayloadCount", enums::INDEXED_VALUE_TYPE_INT},
    {"TemporalExternalPayloadSizeBytes", enums::INDEXED_VALUE_TYPE_INT},
  };
  return all;
}

const char* type_name(enums::IndexedValueType type) {
  switch (type) {
    case enums::INDEXED_VALUE_TYPE_TEXT:
      return "Text";
    case enums::INDEXED_VALUE_TYPE_KEYWORD:
      return "Keyword";
    case enums::INDEXED_VALUE_TYPE_INT:
      return "Int";
    case enums::INDEXED_VALUE_TYPE_DOUBLE:
      return "Double";
    case enums::INDEXED_VALUE_TYPE_BOOL:
      return "Bool";
    case enums::INDEXED_VALUE_TYPE_DATETIME:
      return "Datetime";
    case enums::INDEXED_VALUE_TYPE_KEYWORD_LIST:
      return "KeywordList";
    default:
      return "Unspecified";
  }
}

std::optional<enums::IndexedValueType> attribute_type(const actors::namespace_entry& ns,
                                                      const std::string& name) {
  for (const auto* known : {&system_attributes(), &predefined_attributes()})
    if (auto found = known->find(name); found != known->end())
      return found->second;
  const auto& custom = ns.record.search_attributes();
  if (auto found = custom.find(name); found != custom.end())
    return static_cast<enums::IndexedValueType>(found->second);
  return std::nullopt;
}

namespace {

std::string field_name(int type, int number) {
  std::array<char, 16> digits{};
  std::snprintf(digits.data(), digits.size(), "%02d", number);
  return std::string{type_name(static_cast<enums::IndexedValueType>(type))} + digits.data();
}

/// The type of a field, of which each type has `most`; nothing when there is no such field.
std::optional<int> field_type(const std::string& field, int most) {
  for (int type = enums::INDEXED_VALUE_TYPE_TEXT; type < enums::IndexedValueType_ARRAYSIZE;
       ++type) {
    std::string_view prefix = type_name(static_cast<enums::IndexedValueType>(type));
    int number = 0;
    auto digits = field.starts_with(prefix) ? field.substr(prefix.size()) : std::string{};
    const auto* end = digits.data() + digits.size();
    if (!digits.empty() && std::from_chars(digits.data(), end, number).ptr == end && number > 0
        && number <= most && field == field_name(type, number))
      return type;
  }
  return std::nullopt;
}

bool is_the_servers(const std::string& name) {
  return system_attributes().contains(name) || predefined_attributes().contains(name);
}

std::set<std::string> names_with_field(const field_aliases& aliases) {
  std::set<std::string> out;
  for (const auto& [field, alias] : aliases)
    out.insert(alias);
  return out;
}

} // namespace

void allot_fields(journal::NamespaceRecord& record) {
  auto& aliases = *record.mutable_config()->mutable_custom_search_attribute_aliases();
  auto have_one = names_with_field(aliases);
  // By name: which field is whose must not depend on a hash map's order.
  std::map<std::string, int> attributes{record.search_attributes().begin(),
                                        record.search_attributes().end()};
  // Of each type: all fields before it are taken.
  std::map<int, int> free;
  for (const auto& [name, type] : attributes) {
    auto& number = free.try_emplace(type, 1).first->second;
    while (!have_one.contains(name) && !aliases.insert({field_name(type, number), name}).second)
      ++number;
  }
}

result<void> merge_aliases(journal::NamespaceRecord& record, const field_aliases& change,
                           int most) {
  allot_fields(record);
  auto& aliases = *record.mutable_config()->mutable_custom_search_attribute_aliases();
  auto& attributes = *record.mutable_search_attributes();
  const auto before = aliases;
  const auto known = names_with_field(before);
  for (const auto& [field, alias] : change) {
    if (alias.empty()) {
      if (auto gone = before.find(field); gone != before.end())
        attributes.erase(gone->second);
      aliases.erase(field);
    } else if (!known.contains(alias)) {
      if (before.contains(field))
        return invalid_argument("Custom search attribute field name already allocated.");
      aliases[field] = alias;
      if (auto type = field_type(field, most); type && !is_the_servers(alias))
        attributes.insert({alias, *type});
    }
  }
  return {};
}

void remove_attribute(journal::NamespaceRecord& record, const std::string& name) {
  record.mutable_search_attributes()->erase(name);
  auto& aliases = *record.mutable_config()->mutable_custom_search_attribute_aliases();
  for (auto i = aliases.begin(); i != aliases.end();)
    i = i->second == name ? aliases.erase(i) : std::next(i);
}

} // namespace reprise::frontend
