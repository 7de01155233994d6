#pragma once

#include "base/error.hpp"

#include <exception>
#include <string>

namespace reprise::actors {

/// UNAVAILABLE: this node does not own the slot now.
error not_served();
/// UNAVAILABLE: what the call wrote is lost or may be lost; nothing of it was shown to anybody.
error write_lost();
/// UNAVAILABLE: who had the call died; what it wrote is there or not.
error call_lost();
/// The store could not be read.
error store_unreadable();
/// INTERNAL: the server failed on this very call.
error internal_failure();
/// RESOURCE_EXHAUSTED / SYSTEM_OVERLOADED: there was no memory for this very call.
error out_of_memory();
/// What a caller hears of an exception: out_of_memory() or internal_failure().
error failure_of(const std::exception& thrown);
/// The same of the exception at hand, whatever it is: for the handler of a `catch (...)`.
error failure_at_hand();
/// NOT_FOUND: what was called belongs to a deleted namespace.
error namespace_gone();
/// INTERNAL, with what is wrong with the journal.
error parked_execution(const std::string& workflow_id, const std::string& why);
/// UNIMPLEMENTED: this server has no machine for such an actor.
error unknown_kind();
/// RESOURCE_EXHAUSTED / BUSY_WORKFLOW: too many calls wait.
error busy_workflow();
/// RESOURCE_EXHAUSTED / CONCURRENT_LIMIT: too many workers wait for one task queue.
error too_many_polls();
/// RESOURCE_EXHAUSTED / SYSTEM_OVERLOADED: too much waits in this node.
error overloaded();
/// INVALID_ARGUMENT: more bytes than a transaction of the store takes.
error transaction_too_large();

} // namespace reprise::actors
