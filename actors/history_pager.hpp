#pragma once

#include "actors/history_page.hpp"
#include "actors/outcome.hpp"
#include "engine/machine/step.hpp"
#include "protocol/cluster.pb.h"

#include <optional>
#include <string>

// What the history calls answer, and how polls get their history: decided from the state of a run,
// made of stored bytes. Pure but for read_answer().

namespace reprise::actors {

/// A page that has to be read, and how it becomes an answer.
struct page_plan {
  enum class form : std::uint8_t {
    history,
    reverse_history,
    poll
  };

  form as = form::history;
  std::int64_t key = 0;
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
};

/// One of these is set.
struct history_decision {
  std::optional<cluster::Reply> reply{};
  std::optional<page_plan> plan{};
  std::optional<history_wait> wait{};
};

/// The run that a history call names: its token's, else its request's; empty: the current one.
const std::string& history_run_id(const cluster::ExecutionRequest& request);
/// A token that does not belong to the request.
std::optional<error> check_history_token(const cluster::GetHistory& call);

/// Decides GetWorkflowExecutionHistory (paged, long poll, close event) and its reverse form for a
/// run in state `x` whose rows have `key`.
history_decision decide_history(const engine::execution& x, std::int64_t key,
                                const cluster::ExecutionRequest& request, time_point now);

/// The history of a workflow task's poll.
page_plan plan_poll(engine::history_splice splice, std::string response, std::int64_t key,
                    const std::string& run_id);

/// The answer with this page.
cluster::Reply finish_page(page_plan plan, page got);
/// Reads the page from the store. Blocks.
cluster::Reply read_answer(store::store& db, const page_plan& plan);

} // namespace reprise::actors
