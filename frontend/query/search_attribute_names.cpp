#include "frontend/query/search_attribute_names.hpp"

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

} // namespace reprise::frontend
