#include "actors/call/errors.hpp"

#include "engine/machine/errors.hpp"
#include "temporal/api/errordetails/v1/message.pb.h"

#include <new>

namespace reprise::actors {

namespace {

namespace enums = temporal::api::enums::v1;

error exhausted(std::string message, enums::ResourceExhaustedCause cause,
                enums::ResourceExhaustedScope scope) {
  temporal::api::errordetails::v1::ResourceExhaustedFailure detail;
  detail.set_cause(cause);
  detail.set_scope(scope);
  return engine::with_detail(errc::resource_exhausted, std::move(message), detail);
}

} // namespace

error not_served() {
  return make_error(errc::unavailable, "This node does not serve the workflow now; please retry.");
}

error write_lost() {
  return make_error(errc::unavailable, "The store could not be written; please retry.");
}

error store_unreadable() {
  return make_error(errc::unavailable, "The store cannot be read at the moment; please try again.");
}

error call_lost() {
  return make_error(errc::unavailable, "The server lost this call; please retry.");
}

error internal_failure() {
  return make_error(errc::internal, "The server failed on this call; please retry.");
}

error out_of_memory() {
  return exhausted("The server has no memory left for this call; please retry.",
                   enums::RESOURCE_EXHAUSTED_CAUSE_SYSTEM_OVERLOADED,
                   enums::RESOURCE_EXHAUSTED_SCOPE_SYSTEM);
}

error failure_of(const std::exception& thrown) {
  auto no_memory = dynamic_cast<const std::bad_alloc*>(&thrown) != nullptr;
  return no_memory ? out_of_memory() : internal_failure();
}

error failure_at_hand() {
  try {
    throw;
  } catch (const std::exception& thrown) {
    return failure_of(thrown);
  } catch (...) {
    return internal_failure();
  }
}

error namespace_gone() {
  return make_error(errc::not_found, "The namespace is gone.");
}

error parked_execution(const std::string& workflow_id, const std::string& why) {
  return make_error(errc::internal,
                    "Workflow " + workflow_id + " is parked, its journal cannot be loaded: " + why);
}

error unknown_kind() {
  return make_error(errc::unimplemented, "This server has nothing of that kind.");
}

error busy_workflow() {
  return exhausted("Too many calls wait for this workflow.",
                   enums::RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW,
                   enums::RESOURCE_EXHAUSTED_SCOPE_NAMESPACE);
}

error too_many_polls() {
  return exhausted("Too many workers wait for this task queue.",
                   enums::RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT,
                   enums::RESOURCE_EXHAUSTED_SCOPE_NAMESPACE);
}

error overloaded() {
  return exhausted("Too much waits in this server.",
                   enums::RESOURCE_EXHAUSTED_CAUSE_SYSTEM_OVERLOADED,
                   enums::RESOURCE_EXHAUSTED_SCOPE_SYSTEM);
}

error transaction_too_large() {
  return make_error(errc::invalid_argument, "Transaction size exceeds limit.");
}

} // namespace reprise::actors
