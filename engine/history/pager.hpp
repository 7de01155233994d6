#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"
#include "engine/history/page.hpp"
#include "engine/machine/context.hpp"
#include "engine/machine/step.hpp"
#include "protocol/cluster.pb.h"

#include <cstdint>
#include <optional>
#include <string>

// What the history calls answer, and how polls get their history: decided from the state of a run,
// made of stored bytes. Whoever holds the rows reads the page in between.

namespace reprise::engine {

/// A page that has to be read, and how it becomes an answer.
struct page_plan {
  enum class form : std::uint8_t {
    history,
    reverse_history,
    poll
  };

  form as = form::history;
  page_request want{};
  /// Becomes the next page's token.
  cluster::HistoryToken token{};
  /// The reading goes on behind the last page, when more events come.
  bool goes_on = false;
  /// Serialised events of a transient task; they end the last page.
  std::string transient_events{};
  /// Of a poll: the answer without its history, and where it stands within `prefix`.
  std::string message{};
  int wrap_field = 0;
  std::string prefix{};
  /// Of what is neither: makes the answer of `prefix` and a serialised History.
  std::string (*finish)(std::string prefix, const std::string& events) = nullptr;
};

/// A long poll for history events that are not there yet.
struct event_wait {
  std::string run_id{};
  /// Comes true when an event of this id exists, or (close_only) when the run is closed.
  std::int64_t wanted_event_id = 0;
  bool close_only = false;
  time_point expires{};
  /// The response when the time is over.
  std::string expired{};
};

/// One of these is set.
struct history_decision {
  std::optional<std::string> response{};
  std::optional<page_plan> plan{};
  std::optional<event_wait> wait{};
};

/// The run that a history call names: its token's, else its request's; empty: the current one.
const std::string& history_run_id(const cluster::ExecutionRequest& request);
/// A token that does not belong to the request.
std::optional<error> check_history_token(const cluster::GetHistory& call);

/// Decides GetWorkflowExecutionHistory (paged, long poll, close event) and its reverse form for a
/// run in state `x`.
history_decision decide_history(const execution& x, const cluster::ExecutionRequest& request,
                                const context& c);

/// The history of a workflow task's poll.
page_plan plan_poll(history_splice splice, std::string response, const std::string& run_id);

/// The response with this page.
std::string finish_page(page_plan plan, page got);

} // namespace reprise::engine
