#include "engine/workflow/versioning.hpp"

#include "engine/machine/api.hpp"

namespace reprise::engine {

bool is_upgraded(const execution& x) {
  const auto& override = x.versioning_override();
  return override.auto_upgrade() || override.behavior() == enums::VERSIONING_BEHAVIOR_AUTO_UPGRADE;
}

void list_versioning(execution& x) {
  constexpr const char* name = "TemporalWorkflowVersioningBehavior";
  if (!is_upgraded(x)) {
    x.mutable_search_attributes()->erase(name);
    return;
  }
  auto& payload = (*x.mutable_search_attributes())[name];
  payload.Clear();
  (*payload.mutable_metadata())["encoding"] = "json/plain";
  (*payload.mutable_metadata())["type"] = "Keyword";
  payload.set_data("\"AutoUpgrade\"");
}

} // namespace reprise::engine
