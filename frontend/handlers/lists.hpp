#pragma once

#include "frontend/call/call.hpp"
#include "frontend/query/parser.hpp"

#include <string>

// What list calls of all kinds of durable actors share.

namespace reprise::frontend {

/// Rows whose status compares so with this one.
store::filter status_is(store::filter::op what, int status);

/// Answers with a page of rows of actors of this kind. All list calls answer in one wire form: rows
/// in field 1, the token in field 2.
void list_rows(const call::ptr& c, const call::entry_ptr& ns, machine_kind kind,
               store::filter wanted, int asked_size, const std::string& token);

/// What the store says of a query that took too long, as the API says it.
error scan_error(error e);

} // namespace reprise::frontend
