#include "protocol/multi_operation.hpp"

#include "temporal/api/errordetails/v1/message.pb.h"
#include "temporal/api/failure/v1/message.pb.h"

namespace reprise::protocol {

namespace {

using temporal::api::errordetails::v1::MultiOperationExecutionFailure;
using temporal::api::failure::v1::MultiOperationExecutionAborted;

constexpr int not_found = 5;
constexpr int aborted = 10;

void tell(MultiOperationExecutionFailure::OperationStatus& out, const cluster::Status& what) {
  out.set_code(what.code());
  out.set_message(what.message());
  if (what.detail_type().empty())
    return;
  auto& detail = *out.add_details();
  detail.set_type_url("type.googleapis.com/" + what.detail_type());
  detail.set_value(what.detail());
}

bool is_culprit(const cluster::Status& what) {
  return what.code() != 0
         && what.detail_type() != MultiOperationExecutionAborted::descriptor()->full_name();
}

cluster::Status failure_of(int code, const MultiOperationExecutionFailure& detail) {
  cluster::Status out;
  out.set_code(code);
  out.set_message("Update-with-Start could not be executed.");
  out.set_detail_type(detail.GetTypeName());
  out.set_detail(detail.SerializeAsString());
  return out;
}

/// The detail of a failure of both; without statuses when it is none.
MultiOperationExecutionFailure detail_of(const cluster::Status& failure) {
  MultiOperationExecutionFailure out;
  if (failure.detail_type() != MultiOperationExecutionFailure::descriptor()->full_name()
      || !out.ParseFromString(failure.detail()))
    out.Clear();
  return out;
}

} // namespace

cluster::Status update_with_start_failure(const cluster::Status& start,
                                          const cluster::Status& update) {
  MultiOperationExecutionFailure detail;
  tell(*detail.add_statuses(), start);
  tell(*detail.add_statuses(), update);
  return failure_of(is_culprit(start) ? start.code() : update.code(), detail);
}

cluster::Status operation_aborted() {
  cluster::Status out;
  out.set_code(aborted);
  out.set_message("Operation was aborted.");
  out.set_detail_type(MultiOperationExecutionAborted::descriptor()->full_name());
  return out;
}

bool was_aborted_by_close(const cluster::Status& failure) {
  auto detail = detail_of(failure);
  return detail.statuses_size() == 2 && detail.statuses(0).code() == aborted
         && detail.statuses(1).code() == not_found
         && detail.statuses(1).message() == aborted_by_close;
}

cluster::Status as_retryable(const cluster::Status& failure) {
  auto detail = detail_of(failure);
  for (auto& status : *detail.mutable_statuses())
    if (status.code() == not_found) {
      status.set_code(aborted);
      status.clear_details();
    }
  return failure_of(aborted, detail);
}

} // namespace reprise::protocol
