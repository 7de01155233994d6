#include "frontend/validate/fields.hpp"

#include "base/ids.hpp"
#include "protocol/internal_queue.hpp"
#include "protocol/options.hpp"

#include <algorithm>
#include <optional>

namespace reprise::frontend {

namespace common = temporal::api::common::v1;

namespace {

/// What the API says of options that more than this folder checks.
result<void> told(std::optional<std::string> problem) {
  if (problem)
    return invalid_argument(std::move(*problem));
  return {};
}

result<void> check_event_link(const common::Link::WorkflowEvent& link) {
  auto empty = [](const char* field) {
    return invalid_argument(std::string{"workflow event link must not have an empty "} + field
                            + " field");
  };
  if (link.namespace_().empty())
    return empty("namespace");
  if (link.workflow_id().empty())
    return empty("workflow ID");
  if (link.run_id().empty())
    return empty("run ID");
  if (link.has_event_ref() && link.event_ref().event_type() == 0
      && link.event_ref().event_id() != 0)
    return invalid_argument("workflow event link ref cannot have an unspecified event type and a "
                            "non-zero event ID");
  return {};
}

} // namespace

result<void> check_length_counted(const char* what, std::string_view value,
                                  const front_limits& limits) {
  if (value.size() <= limits.id_length_max)
    return {};
  return invalid_argument(std::string{what} + " exceeds maximum allowed length ("
                          + std::to_string(value.size()) + "/"
                          + std::to_string(limits.id_length_max) + ")");
}

result<void> check_length(std::string_view value, const char* text, const front_limits& limits) {
  if (value.size() <= limits.id_length_max)
    return {};
  return invalid_argument(text);
}

namespace {

/// Also in the other ways to write one: in braces, as a URN, without dashes. No run is called so.
bool is_uuid_in_any_form(std::string_view text) {
  constexpr std::string_view urn = "urn:uuid:";
  constexpr std::size_t digits = 32;
  if (text.size() == digits)
    return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
  if (text.starts_with('{') && text.ends_with('}'))
    return is_uuid(text.substr(1, text.size() - 2));
  return is_uuid(text.starts_with(urn) ? text.substr(urn.size()) : text);
}

} // namespace

result<void> check_run_id(const std::string& run_id) {
  if (run_id.empty() || is_uuid_in_any_form(run_id))
    return {};
  return invalid_argument("Invalid RunId.");
}

result<void> check_run_is_uuid(const std::string& run_id) {
  if (run_id.empty() || is_uuid_in_any_form(run_id))
    return {};
  return invalid_argument("RunId is not valid UUID.");
}

result<void> check_execution(bool given, const common::WorkflowExecution& x) {
  if (!given)
    return invalid_argument("Execution is not set on request.");
  if (x.workflow_id().empty())
    return invalid_argument("WorkflowId is not set on request.");
  return check_run_id(x.run_id());
}

result<void> check_queue_name(bool given, const temporal::api::taskqueue::v1::TaskQueue& queue,
                              const front_limits& limits) {
  if (!given)
    return invalid_argument("taskQueue is not set");
  if (auto ok = told(protocol::queue_name_problem(queue.name(), limits.id_length_max)); !ok)
    return ok;
  if (queue.kind() == temporal::api::enums::v1::TASK_QUEUE_KIND_STICKY
      && queue.normal_name().size() > limits.id_length_max)
    return invalid_argument("taskQueue length exceeds limit");
  return {};
}

result<void> check_task_queue(bool given, const temporal::api::taskqueue::v1::TaskQueue& queue,
                              const front_limits& limits) {
  if (auto ok = check_queue_name(given, queue, limits); !ok)
    return ok;
  return told(protocol::queue_problem(queue, limits.id_length_max));
}

result<void> check_queue_kind(const temporal::api::taskqueue::v1::TaskQueue& queue,
                              temporal::api::enums::v1::TaskQueueType type) {
  namespace enums = temporal::api::enums::v1;
  if (!queue.normal_name().empty() && queue.kind() != enums::TASK_QUEUE_KIND_STICKY)
    return invalid_argument("only sticky queues can have normal name. tq: " + queue.name()
                            + ", normal name: " + queue.normal_name());
  if (queue.kind() == enums::TASK_QUEUE_KIND_WORKER_COMMANDS
      && type != enums::TASK_QUEUE_TYPE_NEXUS)
    return invalid_argument(
      std::string{"worker-commands partitions must have nexus task type, got: "}
      + (type == enums::TASK_QUEUE_TYPE_ACTIVITY ? "Activity" : "Workflow")
      + ". base name: " + queue.name());
  return {};
}

result<void> check_user_queue(bool given, const temporal::api::taskqueue::v1::TaskQueue& queue,
                              const front_limits& limits) {
  if (auto ok = check_task_queue(given, queue, limits); !ok)
    return ok;
  if (protocol::is_internal_queue(queue.name()))
    return invalid_argument("cannot use internal per-namespace task queue:" + queue.name());
  return {};
}

result<void> check_queue_prefix(const std::string& name) {
  return told(protocol::queue_prefix_problem(name));
}

result<void> check_deployment(const temporal::api::deployment::v1::WorkerDeploymentOptions& options,
                              const front_limits& limits) {
  namespace enums = temporal::api::enums::v1;
  // Both names and a prefix make an id of their own.
  constexpr std::size_t prefix = 39;
  auto name_length_max = (std::max(limits.id_length_max, prefix) - prefix) / 2;
  if (options.worker_versioning_mode() != enums::WORKER_VERSIONING_MODE_VERSIONED)
    return {};
  const auto& name = options.deployment_name();
  if (name.empty() || options.build_id().empty())
    return invalid_argument("Deployment name and build id must be set together.");
  if (name.size() > name_length_max)
    return invalid_argument("size of WorkerDeploymentName larger than the maximum allowed");
  for (char separator : {'.', ':'})
    if (name.find(separator) != std::string::npos)
      return invalid_argument(std::string{"worker deployment name cannot contain '"} + separator
                              + "'");
  if (name.starts_with("__"))
    return invalid_argument("WorkerDeploymentName cannot start with '__'");
  if (options.build_id().size() > name_length_max)
    return invalid_argument("size of BuildID larger than the maximum allowed");
  if (options.build_id().starts_with("__"))
    return invalid_argument("BuildID cannot start with '__'");
  return {};
}

std::string bad_duration(const google::protobuf::Duration& d) {
  return protocol::duration_problem(d).value_or("");
}

result<void> check_retry_policy(const common::RetryPolicy& policy) {
  auto whole = policy;
  protocol::complete_retry_policy(whole);
  return told(protocol::retry_policy_problem(whole));
}

result<void> check_priority(const common::Priority& priority) {
  return told(protocol::priority_problem(priority));
}

result<void> check_blob(const google::protobuf::Message& blob, const front_limits& limits) {
  if (blob.ByteSizeLong() > limits.blob_bytes_max)
    return invalid_argument("Blob data size exceeds limit.");
  return {};
}

result<void> check_link_count(int count, const front_limits& limits) {
  if (static_cast<std::size_t>(count) <= limits.links_max)
    return {};
  return invalid_argument("cannot attach more than " + std::to_string(limits.links_max)
                          + " links per request, got " + std::to_string(count));
}

result<void> check_link(const common::Link& link, const front_limits& limits) {
  if (auto size = link.ByteSizeLong(); size > limits.link_bytes_max)
    return invalid_argument("link exceeds allowed size of " + std::to_string(limits.link_bytes_max)
                            + ", got " + std::to_string(size));
  switch (link.variant_case()) {
    case common::Link::kWorkflowEvent:
      return check_event_link(link.workflow_event());
    case common::Link::kBatchJob:
      if (link.batch_job().job_id().empty())
        return invalid_argument("batch job link must not have an empty job ID");
      return {};
    case common::Link::kActivity:
    case common::Link::kNexusOperation:
    case common::Link::kWorkflow:
      return {};
    case common::Link::VARIANT_NOT_SET:
      break;
  }
  return invalid_argument("unsupported link variant");
}

} // namespace reprise::frontend
