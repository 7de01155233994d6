#include "frontend/handlers/handlers.hpp"
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

/// Asks for one kind after the other. Of a kind that nobody can wait for there is nothing to tell.
void describe_next(call& c, const std::shared_ptr<kinds_wanted>& wanted) {
  if (wanted->kinds.empty())
    return c.answer(wanted->answer);
  auto kind = wanted->kinds.extract(wanted->kinds.begin()).value();
  auto& types = *(*wanted->answer.mutable_versions_info())[""].mutable_types_info();
  types[kind];
  if (kind == enums::TASK_QUEUE_TYPE_NEXUS)
    return describe_next(c, wanted);
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
  if (auto ok = check_task_queue(r.has_task_queue(), r.task_queue(), false); !ok)
    return c->fail(std::move(ok).error());
  if (!check_queue_prefix(r.task_queue().name()))
    return c->fail(invalid_argument("invalid task queue partition name " + r.task_queue().name()));
  if (r.api_mode() == enums::DESCRIBE_TASK_QUEUE_MODE_ENHANCED)
    return describe_kinds(c, ns, r);
  auto kind = r.task_queue_type();
  if (kind == enums::TASK_QUEUE_TYPE_UNSPECIFIED)
    kind = enums::TASK_QUEUE_TYPE_WORKFLOW;
  // Nobody can wait on a queue of another kind.
  if (kind != enums::TASK_QUEUE_TYPE_WORKFLOW && kind != enums::TASK_QUEUE_TYPE_ACTIVITY)
    return c->answer(api::DescribeTaskQueueResponse{});
  c->describe_queue(ns, r.task_queue().name(), kind, r.SerializeAsString());
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
}

} // namespace reprise::frontend
