#include "frontend/handlers/handlers.hpp"
#include "frontend/poll/poll.hpp"
#include "frontend/validate/fields.hpp"

#include <memory>
#include <set>

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

void describe_queue(const call::ptr& c, api::DescribeTaskQueueRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (auto ok = check_queue_name(r.has_task_queue(), r.task_queue(), c->limits()); !ok)
    return c->fail(std::move(ok).error());
  if (!check_queue_prefix(r.task_queue().name()))
    return c->fail(invalid_argument("invalid task queue partition name " + r.task_queue().name()));
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
  table["ShutdownWorker"] = parsed(shut_down_worker);
  table["PollNexusTaskQueue"] = parsed(poll_nexus);
  table["RecordWorkerHeartbeat"] = parsed(record_heartbeat);
}

} // namespace reprise::frontend
