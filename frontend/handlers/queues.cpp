#include "frontend/handlers/handlers.hpp"
#include "frontend/poll/poll.hpp"
#include "frontend/validate/fields.hpp"
#include "protocol/address.hpp"

#include <charconv>
#include <memory>
#include <set>
#include <string_view>

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;
namespace enums = temporal::api::enums::v1;

namespace {

/// The enhanced mode: several kinds of one queue in one answer.
struct kinds_wanted {
  call::entry_ptr ns;
  api::DescribeTaskQueueRequest request;
  std::set<int> kinds;
  api::DescribeTaskQueueResponse answer;
};

/// Asks for one kind after the other.
void describe_next(call& c, const std::shared_ptr<kinds_wanted>& wanted) {
  if (wanted->kinds.empty())
    return c.answer(wanted->answer);
  auto kind = wanted->kinds.extract(wanted->kinds.begin()).value();
  auto& types = *(*wanted->answer.mutable_versions_info())[""].mutable_types_info();
  types[kind];
  c.describe_queue(wanted->ns, wanted->request.task_queue().name(), kind,
                   wanted->request.SerializeAsString(),
                   [wanted](call& asked, cluster::Reply reply) {
                     if (reply.has_status())
                       return asked.fail(error_of(reply.status()));
                     api::DescribeTaskQueueResponse part;
                     part.ParseFromString(reply.response());
                     auto& all = (*wanted->answer.mutable_versions_info())[""];
                     for (auto& [name, version] : *part.mutable_versions_info())
                       for (auto& [of, info] : *version.mutable_types_info())
                         (*all.mutable_types_info())[of].Swap(&info);
                     describe_next(asked, wanted);
                   });
}

void describe_kinds(const call::ptr& c, const call::entry_ptr& ns,
                    api::DescribeTaskQueueRequest& r) {
  auto wanted = std::make_shared<kinds_wanted>();
  wanted->ns = ns;
  for (auto kind : r.task_queue_types())
    if (kind != enums::TASK_QUEUE_TYPE_UNSPECIFIED && enums::TaskQueueType_IsValid(kind))
      wanted->kinds.insert(kind);
  if (wanted->kinds.empty())
    wanted->kinds = {enums::TASK_QUEUE_TYPE_WORKFLOW, enums::TASK_QUEUE_TYPE_ACTIVITY};
  wanted->request.Swap(&r);
  describe_next(*c, wanted);
}

/// Whether this is the reference's name of a later part of a queue: "/_sys/orders/3".
result<bool> names_later_part(const std::string& name) {
  constexpr std::string_view prefix = "/_sys/";
  if (!name.starts_with(prefix))
    return false;
  auto refused = invalid_argument("invalid task queue partition name " + name);
  auto slash = name.rfind('/');
  if (slash <= prefix.size())
    return refused;
  int number = 0;
  auto end = name.data() + name.size();
  auto parsed = std::from_chars(name.data() + slash + 1, end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end || number <= 0)
    return refused;
  auto base = name.substr(prefix.size(), slash - prefix.size());
  if (base.starts_with(prefix))
    return invalid_argument("task queue family name cannot have prefix /_sys/ " + base);
  return true;
}

/// A queue has one part here: no poll and no task is in a later one.
void describe_later_part(call& c, const api::DescribeTaskQueueRequest& r) {
  if (r.api_mode() == enums::DESCRIBE_TASK_QUEUE_MODE_ENHANCED)
    return c.fail(
      invalid_argument("DescribeTaskQueue must be called on the root partition of workflow task "
                       "queue if api mode is DESCRIBE_TASK_QUEUE_MODE_ENHANCED"));
  if (r.report_stats())
    return c.fail(
      invalid_argument("DescribeTaskQueue stats are only supported for the root partition"));
  api::DescribeTaskQueueResponse out;
  if (r.include_task_queue_status())
    out.mutable_task_queue_status();
  c.answer(out);
}

void describe_queue(const call::ptr& c, api::DescribeTaskQueueRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (auto ok = check_queue_name(r.has_task_queue(), r.task_queue(), c->limits()); !ok)
    return c->fail(std::move(ok).error());
  auto is_later_part = names_later_part(r.task_queue().name());
  if (!is_later_part)
    return c->fail(std::move(is_later_part).error());
  if (*is_later_part)
    return describe_later_part(*c, r);
  auto enhanced = r.api_mode() == enums::DESCRIBE_TASK_QUEUE_MODE_ENHANCED;
  if (enhanced && r.task_queue().kind() == enums::TASK_QUEUE_KIND_STICKY)
    return c->fail(invalid_argument("Enhanced DescribeTaskQueue is not valid for a sticky queue, "
                                    "use api_mode=UNSPECIFIED or a normal queue."));
  if (enhanced)
    return describe_kinds(c, ns, r);
  auto kind = r.task_queue_type();
  if (kind == enums::TASK_QUEUE_TYPE_UNSPECIFIED)
    kind = enums::TASK_QUEUE_TYPE_WORKFLOW;
  // Nobody can wait on a queue of another kind.
  if (!enums::TaskQueueType_IsValid(kind))
    return c->answer(api::DescribeTaskQueueResponse{});
  if (auto ok = check_queue_kind(r.task_queue(), kind); !ok)
    return c->fail(std::move(ok).error());
  c->describe_queue(ns, r.task_queue().name(), kind, r.SerializeAsString());
}

using rate_update = api::UpdateTaskQueueConfigRequest::RateLimitUpdate;

result<void> check_text(const std::string& value, const std::string& field) {
  constexpr std::size_t length_max = 1000;
  if (value.size() <= length_max)
    return {};
  return invalid_argument(field + " field too long (max " + std::to_string(length_max)
                          + " characters).");
}

/// An update without a rate takes the rate away.
result<void> check_rate(const rate_update& update, const std::string& name) {
  if (!update.has_rate_limit())
    return {};
  // What is no number either.
  if (!(update.rate_limit().requests_per_second() >= 0))
    return invalid_argument("RequestsPerSecond for " + name + " rate limit must be non-negative.");
  return check_text(update.reason(), name + ".Reason");
}

result<void> check_fairness_key(const std::string& key) {
  constexpr std::size_t key_bytes_max = 64;
  if (key.empty())
    return invalid_argument("fairness weight override key must not be empty");
  if (key.size() > key_bytes_max)
    return invalid_argument("fairness key length exceeds limit");
  return {};
}

result<void> check_weights(const api::UpdateTaskQueueConfigRequest& r) {
  constexpr int changes_max = 1000;
  const auto& set = r.set_fairness_weight_overrides();
  const auto& unset = r.unset_fairness_weight_overrides();
  auto changes = static_cast<int>(set.size()) + unset.size();
  if (changes > changes_max)
    return invalid_argument("too many fairness weight overrides in request: got "
                            + std::to_string(changes) + ", maximum " + std::to_string(changes_max));
  for (const auto& [key, weight] : set) {
    if (auto ok = check_fairness_key(key); !ok)
      return ok;
    if (!(weight > 0))
      return invalid_argument("invalid fairness weight weight for key \"" + key
                              + "\": must be greater than zero");
  }
  for (const auto& key : unset)
    if (auto ok = check_fairness_key(key); !ok)
      return ok;
  for (const auto& key : unset)
    if (set.contains(key))
      return invalid_argument("fairness weight override key \"" + key
                              + "\" present in both set and unset lists");
  return {};
}

/// Workflow tasks go out as fast as workers take them: of their queues only weights are configured.
result<void> check_config(const api::UpdateTaskQueueConfigRequest& r, const front_limits& limits) {
  auto of_workflows = r.task_queue_type() == enums::TASK_QUEUE_TYPE_WORKFLOW;
  const auto& whole = r.update_queue_rate_limit();
  const auto& by_key = r.update_fairness_key_rate_limit_default();
  if (of_workflows && whole.has_rate_limit())
    return invalid_argument("Setting rate limit on workflow task queues is not allowed.");
  if (auto ok = check_rate(whole, "UpdateQueueRateLimit"); !ok)
    return ok;
  if (of_workflows && by_key.has_rate_limit())
    return invalid_argument(
      "Setting fairness key rate limit on workflow task queues is not allowed.");
  if (auto ok = check_rate(by_key, "UpdateFairnessKeyRateLimitDefault"); !ok)
    return ok;
  if (auto ok = check_text(r.identity(), "Identity"); !ok)
    return ok;
  if (auto ok = check_weights(r); !ok)
    return ok;
  if (!check_queue_prefix(r.task_queue()))
    return invalid_argument("task queue family name cannot have prefix /_sys/ " + r.task_queue());
  return check_length(r.task_queue(), "taskQueue length exceeds limit", limits);
}

void update_config(const call::ptr& c, api::UpdateTaskQueueConfigRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (auto ok = check_config(r, c->limits()); !ok)
    return c->fail(std::move(ok).error());
  auto queue = r.task_queue();
  auto kind = static_cast<int>(r.task_queue_type());
  cluster::ExecutionRequest request;
  request.set_machine(static_cast<std::uint32_t>(machine_kind::task_queue));
  request.set_workflow_id(queue_actor_id(kind, queue));
  *request.mutable_configure_queue() = std::move(r);
  c->send(ns, std::move(request),
          [id = ns->facts.id, queue, kind](call& asked, cluster::Reply reply) {
            if (reply.has_status())
              return asked.fail(error_of(reply.status()));
            // Before the caller is told: a describe that follows shows it.
            asked.back().queue_configured(id, queue, kind);
            asked.answer_bytes(std::move(*reply.mutable_response()));
          });
}

/// A queue is one partition, of this server.
void list_partitions(const call::ptr& c, api::ListTaskQueuePartitionsRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (auto ok = check_task_queue(r.has_task_queue(), r.task_queue(), c->limits()); !ok)
    return c->fail(std::move(ok).error());
  api::ListTaskQueuePartitionsResponse out;
  auto add = [&](auto* partition) {
    partition->set_key(r.task_queue().name());
    partition->set_owner_host_name(c->facts().cluster_name);
  };
  add(out.add_activity_task_queue_partitions());
  add(out.add_workflow_task_queue_partitions());
  c->answer(out);
}

/// A worker that registers Nexus services waits for their tasks, and must not end because none
/// come: it waits on a queue that nobody offers anything to. Queues count their kinds as
/// TaskQueueType.
void poll_nexus(const call::ptr& c, api::PollNexusTaskQueueRequest& r) {
  constexpr auto kind = static_cast<cluster::Task::Kind>(enums::TASK_QUEUE_TYPE_NEXUS);
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (auto wanted = make_poll(c, r, ns, kind))
    c->send_poll(std::move(*wanted));
}

/// What workers say of themselves is not kept yet; they say it whether it is or not.
void record_heartbeat(const call::ptr& c, api::RecordWorkerHeartbeatRequest& r) {
  if (c->open_namespace(r.namespace_()))
    c->answer(api::RecordWorkerHeartbeatResponse{});
}

void shut_down_worker(const call::ptr& c, api::ShutdownWorkerRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  leaving_worker worker{.namespace_id = ns->facts.id,
                        .instance_key = r.worker_instance_key(),
                        .sticky_queue = r.sticky_task_queue(),
                        .task_queue = r.task_queue()};
  for (auto kind : r.task_queue_types())
    if (kind == enums::TASK_QUEUE_TYPE_WORKFLOW || kind == enums::TASK_QUEUE_TYPE_ACTIVITY)
      worker.kinds.push_back(kind);
  if (!worker.sticky_queue.empty() || !worker.instance_key.empty())
    c->back().end_polls(worker);
  c->answer(api::ShutdownWorkerResponse{});
}

} // namespace

void add_queue_handlers(handler_table& table) {
  table["DescribeTaskQueue"] = parsed(describe_queue);
  table["UpdateTaskQueueConfig"] = parsed(update_config);
  table["ListTaskQueuePartitions"] = parsed(list_partitions);
  table["ShutdownWorker"] = parsed(shut_down_worker);
  table["PollNexusTaskQueue"] = parsed(poll_nexus);
  table["RecordWorkerHeartbeat"] = parsed(record_heartbeat);
}

} // namespace reprise::frontend
