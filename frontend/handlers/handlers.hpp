#pragma once

#include "frontend/call/call.hpp"
#include "frontend/call/parse_request.hpp"
#include "frontend/service.hpp"
#include "frontend/validate/fields.hpp"

#include <map>
#include <string>

// Which handler serves which method of the public API, and of our own for operators. One function a
// topic, one file each.

namespace reprise::frontend {

/// Method name to handler.
using handler_table = std::map<std::string, handler>;

void add_system_handlers(handler_table& table);
void add_namespace_handlers(handler_table& table);
void add_search_attribute_handlers(handler_table& table);
void add_start_handlers(handler_table& table);
void add_execution_handlers(handler_table& table);
void add_history_handlers(handler_table& table);
void add_workflow_task_handlers(handler_table& table);
void add_activity_task_handlers(handler_table& table);
void add_activity_operator_handlers(handler_table& table);
void add_query_handlers(handler_table& table);
void add_update_handlers(handler_table& table);
void add_queue_handlers(handler_table& table);
void add_visibility_handlers(handler_table& table);
void add_batch_handlers(handler_table& table);
void add_parked_handlers(handler_table& table);
void add_backup_handlers(handler_table& table);

/// False when the namespace of the request has too many calls; the call has failed then.
template <class Request>
bool is_admitted([[maybe_unused]] const call::ptr& c, [[maybe_unused]] const Request& request) {
  // A history is read at once, unless it is waited for.
  if constexpr (requires {
                  request.namespace_();
                  request.wait_new_event();
                })
    return c->admit(request.namespace_(), request.wait_new_event());
  else if constexpr (requires { request.namespace_(); })
    return c->admit(request.namespace_(), true);
  else
    return true;
}

/// A handler that gets its request parsed, with a namespace's name of a length that may be.
template <class Request>
handler parsed(void (*serve)(const call::ptr&, Request&)) {
  return [serve](const call::ptr& c, std::string_view bytes) {
    Request request;
    if (auto ok = parse_request(request, bytes); !ok)
      return c->fail(std::move(ok).error());
    if constexpr (requires { request.namespace_(); })
      if (auto ok = check_length(request.namespace_(), "Namespace length exceeds limit.",
                                 c->limits());
          !ok)
        return c->fail(std::move(ok).error());
    if (!is_admitted(c, request))
      return;
    serve(c, request);
  };
}

} // namespace reprise::frontend
