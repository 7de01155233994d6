#pragma once

#include "engine/machine/step.hpp"
#include "protocol/cluster.pb.h"
#include "store/types.hpp"
#include "temporal/api/history/v1/message.pb.h"
#include "temporal/api/workflowservice/v1/request_response.pb.h"
#include "tests/simulation/model/universe.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace reprise::simulation {

namespace service = temporal::api::workflowservice::v1;

/// A task that was started, and not ended yet.
struct task_start {
  std::int32_t attempt = 0;
  std::uint64_t start_id = 0;
  /// When that became durable, and under which take-over of the slots.
  time_point since{};
  int reign = 0;
};

/// What is durable of one run, followed commit by commit.
struct run_record {
  store::run_head head{};
  /// The fold of all rows.
  engine::execution state{};
  /// One for each event.
  std::vector<std::uint64_t> fingerprints{};
  std::uint64_t snapshot_seq = 0;
  std::optional<store::visibility_row> visible{};
  /// Attempts of workflow tasks by the id of their Scheduled event, and when one was started.
  std::map<std::int64_t, std::int32_t> attempts{};
  std::set<time_point> task_starts{};
  /// Those of its tasks that are started now, by the id of their Scheduled event.
  std::map<std::int64_t, task_start> started{};
  /// Of the last event of a workflow task.
  time_point task_event_at{};
  /// Timers by the id of their Started event: when they may fire.
  std::map<std::int64_t, time_point> timers{};
  /// How often each signal (named by its input) stands in the history.
  std::map<std::string, int> signals{};
  /// What it asked of others, by the id of the Initiated event: the signal's name.
  std::map<std::int64_t, std::string> asked{};
  /// How often each update was accepted and completed.
  std::map<std::string, int> accepted{};
  std::map<std::string, int> completed{};
  /// Of these, what it has from the run that a reset made it of.
  std::set<std::string> told_again{};
  /// Ends of its children, by the id of the Initiated event.
  std::map<std::int64_t, int> child_ends{};
  bool erased = false;
};

/// The judge. Sees every commit when it becomes durable, and everything that leaves the server, and
/// knows the rules: what is shown is durable, histories have no gaps, the state is the fold of the
/// journal, tasks start once, timers are not early. Tells the universe of what breaks one.
///
/// One thing may be shown before it is durable: the Started event of a workflow task, at the end of
/// the history that a poll is given with it. If it becomes durable, then as it was shown; if not,
/// no answer to the task is accepted. Nobody else is shown it. And a workflow task for updates may
/// be durable never: then nothing of its answer is, but that it is over.
class ledger {
public:
  explicit ledger(universe& all) : all_(all) {
  }

  // -- what becomes durable ----------------------------------------------------------------------
  void on_commit(const store::transition& t, int process);
  /// This run is about to be created on a history that was copied: the rows that lie there.
  void on_copied(const store::run_write& w, const std::vector<store::journal_row>& rows);
  /// A process has all slots from now on; commits of others are violations.
  void on_take_over(int process);
  /// It was answered as durable, and the store has lost it.
  void on_forgotten(const store::transition& t);

  /// What processes say may rest on what the store lost, and a while behind.
  bool in_doubt() const {
    return all_.now() < doubt_ends_;
  }

  /// Nobody has taken over what is left since something was lost.
  bool holds_lost_state() const {
    return doubt_ends_ == time_point::max();
  }

  // -- what leaves the server --------------------------------------------------------------------
  void saw_history(const std::string& run_id, const temporal::api::history::v1::History& history);
  /// The answer to a history call; `request_token` and `answer_token` are its page tokens.
  void saw_page(const temporal::api::history::v1::History& page, const std::string& request_token,
                const std::string& answer_token);
  void saw_start(const std::string& workflow_id, const std::string& request_id,
                 const std::string& run_id);
  void saw_signal_accepted(const std::string& workflow_id, const std::string& signal);
  void saw_workflow_task(const service::PollWorkflowTaskQueueResponse& task);
  /// A start's own task: the same start may be given it again.
  void saw_eager_task(const std::string& request_id,
                      const service::PollWorkflowTaskQueueResponse& task);
  /// A workflow task that was started within a completion.
  void saw_next_task(const service::PollWorkflowTaskQueueResponse& task);
  /// The server accepted an answer to the task of this token.
  void saw_workflow_task_ended(const std::string& token);
  void saw_activity_task(const service::PollActivityTaskQueueResponse& task);
  /// A caller heard how far its update is; `succeeded`: it has a result.
  void saw_update(const temporal::api::update::v1::UpdateRef& which, int stage, bool succeeded);
  void saw_description(const service::DescribeWorkflowExecutionResponse& said);
  void saw_status(const std::string& run_id, int status);

  // -- what clients tried ------------------------------------------------------------------------
  /// Unlike a start, a signal-with-start that is repeated behind the end of its run starts another.
  void sends_signal_with_start(const std::string& request_id, const std::string& signal) {
    may_start_again_.insert(request_id);
    sends_signal(signal);
  }

  void sends_update(const std::string& workflow_id) {
    updated_.insert(workflow_id);
  }

  void sends_signal(const std::string& signal) {
    ++signal_tries_[signal];
  }

  /// Batches that are not over.
  std::vector<std::string> open_batches() const;

  /// While nothing is amiss, since `calm`: each started task has reached a worker, or waits for one
  /// again. A poll that ended in the wrong moment has lost none.
  void check_hand_outs(time_point calm);
  /// At the end: nothing that was acknowledged is lost or doubled.
  void check_promises();
  /// Behind that: no run waits for an answer, and nothing of a message is remembered that everybody
  /// has dealt with.
  void check_messages();

  const std::map<std::string, run_record>& runs() const noexcept {
    return runs_;
  }

  std::size_t commits() const noexcept {
    return commits_;
  }

  std::size_t open_runs() const;

  /// Workflow tasks that workers were given before their start was durable, and of these the ones
  /// whose start is lost.
  std::size_t early_starts() const noexcept {
    return early_.size();
  }

  std::size_t lost_starts() const;

private:
  using history_event = temporal::api::history::v1::HistoryEvent;
  /// Run, scheduled event, attempt.
  using attempt = std::tuple<std::string, std::int64_t, std::int32_t>;

  void on_batch(const store::run_write& w);
  void on_row(run_record& r, const store::run_write& w);
  void on_event(run_record& r, const history_event& e);
  void on_signal(run_record& r, const std::string& name);
  void on_answer_of_other(run_record& r, const history_event& e);
  void on_child(run_record& r, const history_event& e);
  void note_parent(const run_record& r);
  void check_order(run_record& r, const history_event& e, time_point at);
  void on_head(run_record& r, const store::run_write& w);
  void on_snapshot(run_record& r, const store::run_write& w);
  void on_erase(run_record& r);
  void note_starts(run_record& r);
  void note_start(const attempt& which, std::uint64_t start_id);
  void note_task(run_record& r, std::int64_t scheduled, std::int32_t number,
                 std::uint64_t start_id);
  void note_taken_back(const run_record& r, const attempt& which);
  void note_given_again(const attempt& which);
  void on_task_started(run_record& r, const history_event& e);
  bool note_early_start(const service::PollWorkflowTaskQueueResponse& task);
  /// The run that has most of these events; empty when none has.
  std::string run_of(const temporal::api::history::v1::History& page) const;
  void on_current(const std::string& old_run_id, const std::string& new_run_id);
  bool has_started(const cluster::TaskToken& t) const;
  bool note_speculative(const service::PollWorkflowTaskQueueResponse& task);
  void check_task(const std::string& kind, const std::string& token, const std::string& request_id);
  void check_workflow_task(const service::PollWorkflowTaskQueueResponse& task,
                           const std::string& request_id);
  bool holds_signal(const std::string& workflow_id, const std::string& signal) const;
  /// It stood in a row that the store has lost.
  bool was_lost(const std::string& signal) const;
  void fail(const run_record& r, const std::string& text);
  /// What was shown is not durable: of no matter while it rests on what the store lost.
  void fail_shown(const std::string& text);
  void fail_shown(const run_record& r, const std::string& text);

  universe& all_;
  std::map<std::string, run_record> runs_;
  /// Heads of batches, by run.
  std::map<std::string, store::run_head> batches_;
  std::map<attempt, std::set<std::uint64_t>> starts_;
  /// With the start request that it answered, if one.
  std::map<std::pair<attempt, std::uint64_t>, std::string> handed_out_;
  /// Starts that others took the place of, when their start request was repeated.
  std::set<std::pair<attempt, std::uint64_t>> superseded_;
  /// Starts that were taken back.
  std::set<std::pair<attempt, std::uint64_t>> taken_back_;
  /// Shown before they were durable: fingerprints of Started events.
  std::map<std::pair<attempt, std::uint64_t>, std::uint64_t> early_;
  std::set<std::string> may_start_again_;
  /// Workflow tasks that were written nowhere when a worker was given them; workflow ids that may
  /// have such.
  std::set<std::pair<attempt, std::uint64_t>> speculative_;
  std::set<std::string> updated_;
  std::map<std::string, int> signal_tries_;
  /// Signals of workflows to others: how often they were told, in whichever run.
  std::map<std::string, int> told_by_others_;
  /// Chains that were begun as children, by the run that asked and its event.
  std::map<std::pair<std::string, std::int64_t>, int> children_begun_;
  /// Acknowledged: request id to run id; signal to workflow id.
  std::map<std::string, std::string> started_;
  std::map<std::string, std::string> signalled_;
  std::map<std::string, int> single_attempts_;
  time_point doubt_ends_{};
  bool has_forgotten_ = false;
  /// The rows that were lost.
  std::vector<std::string> forgotten_;
  /// The row that is looked at is of a reset: its events came to another run.
  bool copies_ = false;
  int owner_ = -1;
  /// How often the slots were taken over.
  int reign_ = 0;
  std::size_t commits_ = 0;
};

std::uint64_t fingerprint(const google::protobuf::Message& m);
/// Equal whatever the order of maps.
bool same(const google::protobuf::Message& a, const google::protobuf::Message& b);

} // namespace reprise::simulation
