#include "frontend/handlers/handlers.hpp"
#include "frontend/validate/fields.hpp"

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;
namespace enums = temporal::api::enums::v1;

namespace {

void describe_queue(const call::ptr& c, api::DescribeTaskQueueRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (auto ok = check_task_queue(r.has_task_queue(), r.task_queue(), false); !ok)
    return c->fail(std::move(ok).error());
  if (!check_queue_prefix(r.task_queue().name()))
    return c->fail(invalid_argument("invalid task queue partition name " + r.task_queue().name()));
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
  if (!r.sticky_task_queue().empty() || !r.worker_instance_key().empty())
    c->back().end_polls(ns->facts.id, r.sticky_task_queue(), r.worker_instance_key());
  c->answer(api::ShutdownWorkerResponse{});
}

} // namespace

void add_queue_handlers(handler_table& table) {
  table["DescribeTaskQueue"] = parsed(describe_queue);
  table["ShutdownWorker"] = parsed(shut_down_worker);
}

} // namespace reprise::frontend
