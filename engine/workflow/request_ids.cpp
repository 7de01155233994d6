// The ids of requests that a run has answered: repeats of them are answered with it.

#include "engine/machine/version.hpp"
#include "engine/workflow/rules.hpp"
#include "engine/workflow/workflow.hpp"

#include <tuple>

namespace reprise::engine {

namespace {

/// Attached request ids are bounded: the oldest one gives way. The start's own id stays.
void drop_oldest_request(execution& x) {
  auto attached_max = kept_lists(x).attached_requests();
  int attached = 0;
  const journal::RequestId* oldest = nullptr;
  auto key = [](const journal::RequestId& r) {
    return std::tuple{r.time().seconds(), r.time().nanos(), r.id()};
  };
  for (const auto& [id, other] : x.request_ids()) {
    if (id == x.created().start_request_id())
      continue;
    ++attached;
    if (oldest == nullptr || key(other) < key(*oldest))
      oldest = &other;
  }
  if (attached >= attached_max)
    x.mutable_request_ids()->erase(std::string{oldest->id()});
}

} // namespace

void fold_request_id(execution& x, const journal::Fact& fact) {
  const auto& request = fact.request_id();
  if (request.event_type() == enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED) {
    (*x.mutable_signal_ids())[request.id()] = true;
    return;
  }
  if (!x.request_ids().contains(request.id()))
    drop_oldest_request(x);
  (*x.mutable_request_ids())[request.id()] = request;
}

const std::string& attached_request_id(const history_event& event) {
  return event.workflow_execution_options_updated_event_attributes().attached_request_id();
}

} // namespace reprise::engine
