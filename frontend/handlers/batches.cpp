// Batch operations: one call for many runs.

#include "frontend/handlers/handlers.hpp"
#include "frontend/handlers/lists.hpp"
#include "frontend/validate/batch.hpp"
#include "protocol/address.hpp"
#include "temporal/api/errordetails/v1/message.pb.h"

#include <algorithm>
#include <memory>

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;
namespace enums = temporal::api::enums::v1;

namespace {

cluster::ExecutionRequest to_batch(const std::string& job_id) {
  cluster::ExecutionRequest out;
  out.set_machine(number_of(machine_kind::batch));
  out.set_workflow_id(job_id);
  return out;
}

error too_many_batches() {
  temporal::api::errordetails::v1::ResourceExhaustedFailure detail;
  detail.set_cause(enums::RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT);
  detail.set_scope(enums::RESOURCE_EXHAUSTED_SCOPE_NAMESPACE);
  return with_detail(errc::resource_exhausted, "Max concurrent batch operations is reached",
                     detail);
}

/// The rate that the batch obeys: what was asked for, and no more than there is.
float rate_of(const api::StartBatchOperationRequest& r, const front_limits& limits) {
  auto most = static_cast<float>(limits.batch_rate_max);
  auto asked = r.max_operations_per_second();
  return asked > 0 ? std::min(asked, most) : most;
}

void start_batch(const call::ptr& c, api::StartBatchOperationRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (auto ok = check_batch(r, c->limits()); !ok)
    return c->fail(std::move(ok).error());
  auto request = std::make_shared<cluster::ExecutionRequest>(to_batch(r.job_id()));
  r.set_max_operations_per_second(rate_of(r, c->limits()));
  request->mutable_start_batch()->Swap(&r);
  c->scanning([ns, request](call& over, store::store& db) {
    auto running
      = db.count(ns->facts.id, machine_kind::batch,
                 status_is(store::filter::op::equal, enums::WORKFLOW_EXECUTION_STATUS_RUNNING));
    if (!running)
      return over.fail(scan_error(std::move(running).error()));
    if (*running >= over.limits().batches_max)
      return over.fail(too_many_batches());
    if (auto ok = check_batch_options(request->start_batch()); !ok)
      return over.fail(std::move(ok).error());
    over.send(ns, std::move(*request));
  });
}

void stop_batch(const call::ptr& c, api::StopBatchOperationRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (r.job_id().empty())
    return c->fail(invalid_argument("JobId is not set on request."));
  if (r.reason().empty())
    return c->fail(invalid_argument("Reason is not set on request."));
  auto request = to_batch(r.job_id());
  request.mutable_stop_batch()->Swap(&r);
  c->send(ns, std::move(request));
}

void describe_batch(const call::ptr& c, api::DescribeBatchOperationRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (r.job_id().empty())
    return c->fail(invalid_argument("JobId is not set on request."));
  auto request = to_batch(r.job_id());
  request.mutable_describe_batch()->Swap(&r);
  c->send(ns, std::move(request));
}

void list_batches(const call::ptr& c, api::ListBatchOperationsRequest& r) {
  if (auto ns = c->open_namespace(r.namespace_()))
    list_rows(c, ns, machine_kind::batch, {}, r.page_size(), r.next_page_token());
}

} // namespace

void add_batch_handlers(handler_table& table) {
  table["StartBatchOperation"] = parsed(start_batch);
  table["StopBatchOperation"] = parsed(stop_batch);
  table["DescribeBatchOperation"] = parsed(describe_batch);
  table["ListBatchOperations"] = parsed(list_batches);
}

} // namespace reprise::frontend
