#pragma once

#include "engine/machine/decision.hpp"
#include "engine/machine/session.hpp"
#include "engine/machine/step.hpp"
#include "engine/update/update_call.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace reprise::engine {

/// What became of the answer to a workflow task, as far as updates care.
struct task_answer {
  /// It was taken; null: there was none, or it was refused.
  const temporal::api::workflowservice::v1::RespondWorkflowTaskCompletedRequest* taken = nullptr;
  /// Its worker goes on with the same task: what it did not speak about it may answer yet.
  bool goes_on = false;
  /// The task failed because of it.
  bool failed_task = false;
};

/// The updates that wait at one workflow id for its worker, and the callers who wait for updates:
/// of the current run. Nothing of them is durable: when the execution dies, its callers ask again,
/// by update id. An update that was accepted is the run's own (ExecutionState.updates), and only
/// its callers are here. Sends nothing and reads no clock; belongs to its execution.
class update_registry {
public:
  /// An update that was neither accepted nor rejected.
  struct pending_update {
    std::string id{};
    std::shared_ptr<const temporal::api::update::v1::Request> request{};
    std::size_t bytes = 0;
    /// A worker was asked, and did not answer yet.
    bool sent = false;
  };

  // -- what decisions see -------------------------------------------------------------------------

  /// Null when there is no such one.
  const pending_update* find(std::string_view run_id, std::string_view update_id) const;
  std::size_t pending(std::string_view run_id) const;
  std::size_t pending_bytes(std::string_view run_id) const;
  /// Of updates for which `counts` holds a worker has to be asked.
  bool any_unsent(std::string_view run_id,
                  const std::function<bool(const std::string&)>& counts) const;
  /// A worker rejected it although it stands in the history as admitted.
  bool was_rejected(std::string_view run_id, const std::string& update_id) const;
  /// The run was closed, for good, before a worker spoke about it.
  bool was_aborted(std::string_view run_id, const std::string& update_id) const;

  // -- the session's part -------------------------------------------------------------------------

  /// What its updates bring: they stay when their callers are gone.
  std::size_t bytes() const {
    return pending_bytes(run_id_);
  }

  /// When expire() wants to be called; nothing when nobody waits.
  std::optional<time_point> next_deadline() const;
  /// This caller is gone. Its update stays.
  void drop(caller_number caller);

  /// Takes an update in.
  void admit(const execution& x, const update_call& call);
  /// The caller waits; its update has `reached` this stage.
  void wait(const execution& x, caller_number from, update_call call, update_stage reached,
            time_point until);

  /// A worker got the task: its messages, as a serialised PollWorkflowTaskQueueResponse which holds
  /// nothing else. Append it to the poll's message. `only_new`: it is the worker of the task
  /// before, which has what was sent with that one.
  std::string on_task_started(const execution& x, const journal::WorkflowTaskState& task,
                              bool only_new);
  /// What was sent is to be sent again: the task is void, or nobody knows what became of it.
  void send_again();
  /// Run `x` changed in whatever way: who waits no more.
  std::vector<told_caller> after(const execution& x, const task_answer& answer);
  /// Who has waited long enough at run `x`: none at any but the current one.
  std::vector<told_caller> expire(const execution& x, time_point now);

private:
  struct waiting_caller {
    caller_number from = 0;
    update_call call;
    update_stage reached{};
    time_point until{};
  };

  /// What became of an update: its outcome, or why it has none.
  using fate = std::variant<temporal::api::update::v1::Outcome, error>;
  using fates = std::map<std::string, fate>;

  void belong_to(const std::string& run_id);
  void note_answers(const execution& x, const task_answer& answer, fates& out);
  void note_ends(const execution& x, const task_answer& answer, fates& out);
  static void note_close(const execution& x, const std::string& id, fates& out);

  std::string run_id_;
  /// In the order of their admission.
  std::vector<pending_update> pending_;
  std::vector<waiting_caller> waiting_;
  std::set<std::string> rejected_;
  /// As many as were pending at the close.
  std::set<std::string> aborted_;
};

} // namespace reprise::engine
