#include "frontend/validate/search_attributes.hpp"

#include "frontend/call/errors.hpp"
#include "frontend/query/search_attribute_names.hpp"
#include "protocol/search_attributes.hpp"

#include <map>

namespace reprise::frontend {

namespace common = temporal::api::common::v1;
namespace enums = temporal::api::enums::v1;

namespace {

/// A payload that does not even say what it is means nothing, not "nothing".
bool has_no_value(const common::Payload& p) {
  return !p.metadata().empty() && protocol::is_no_value(p);
}

result<void> check_value(const std::string& name, const common::Payload& p,
                         enums::IndexedValueType type) {
  if (!p.metadata().empty() && protocol::decode_search_attribute(p, type))
    return {};
  return invalid_argument(protocol::search_attribute_refusal(name, p, type));
}

/// What the API's own store calls an attribute of a namespace; the length counts.
std::size_t stored_name_length(const std::string& name, enums::IndexedValueType type) {
  constexpr std::size_t number_length = 2;
  auto is_own = system_attributes().contains(name) || predefined_attributes().contains(name);
  return is_own ? name.size() : std::string_view{type_name(type)}.size() + number_length;
}

using known_types = std::map<std::string, enums::IndexedValueType>;

/// The attributes that a request names, in their order: a refusal must not depend on a hash map's.
result<known_types> find_types(const common::SearchAttributes& attributes,
                               const actors::namespace_entry& ns) {
  known_types out;
  for (const auto& [name, payload] : attributes.indexed_fields())
    out[name] = attribute_type(ns, name).value_or(enums::INDEXED_VALUE_TYPE_UNSPECIFIED);
  for (const auto& [name, type] : out)
    if (type == enums::INDEXED_VALUE_TYPE_UNSPECIFIED)
      return invalid_argument("Namespace " + ns.facts.name
                              + " has no mapping defined for search attribute " + name);
  return out;
}

result<void> check_sizes(const common::SearchAttributes& attributes, const known_types& types,
                         const front_limits& limits) {
  auto all_bytes = attributes.ByteSizeLong();
  for (const auto& [name, type] : types) {
    auto size = attributes.indexed_fields().at(name).data().size();
    if (size > limits.search_attribute_bytes_max)
      return invalid_argument("search attribute " + name + " value size " + std::to_string(size)
                              + " exceeds size limit "
                              + std::to_string(limits.search_attribute_bytes_max));
    all_bytes += stored_name_length(name, type) - name.size();
  }
  if (all_bytes > limits.search_attributes_bytes_max)
    return invalid_argument("total size of search attributes " + std::to_string(all_bytes)
                            + " exceeds size limit "
                            + std::to_string(limits.search_attributes_bytes_max));
  return {};
}

} // namespace

result<void> settle_search_attributes(common::SearchAttributes& attributes,
                                      const actors::namespace_entry& ns,
                                      const front_limits& limits) {
  auto& fields = *attributes.mutable_indexed_fields();
  auto types = find_types(attributes, ns);
  if (!types)
    return std::move(types).error();
  if (fields.size() > limits.search_attributes_max)
    return invalid_argument("number of search attributes " + std::to_string(fields.size())
                            + " exceeds limit " + std::to_string(limits.search_attributes_max));
  for (const auto& [name, type] : *types) {
    if (!protocol::may_be_set(name))
      return invalid_argument(name + " attribute can't be set in SearchAttributes");
    const auto& payload = fields.at(name);
    if (has_no_value(payload))
      continue;
    if (auto ok = check_value(name, payload, type); !ok)
      return ok;
  }
  if (auto ok = check_sizes(attributes, *types, limits); !ok)
    return ok;
  for (const auto& [name, type] : *types) {
    auto& payload = fields[name];
    if (has_no_value(payload))
      fields.erase(name);
    else if (!payload.metadata().contains("type"))
      (*payload.mutable_metadata())["type"] = type_name(type);
  }
  return {};
}

} // namespace reprise::frontend
