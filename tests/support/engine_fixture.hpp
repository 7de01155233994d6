#pragma once

// Drives decide() as a slot does: keeps every run of one workflow id with its journal, a clock that
// only the test moves, and seeded ids. After every step the journal is folded again, from nothing,
// from a snapshot in its middle, and as one row, and must give the very state that the step left.

#include "engine/child/child.hpp"
#include "engine/engine.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/outbox/outbox.hpp"
#include "engine/workflow/reset.hpp"
#include "tests/support/transition_coverage.hpp"

#include <doctest/doctest.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace reprise::testing {

namespace api = temporal::api;
namespace enums = temporal::api::enums::v1;
namespace service = temporal::api::workflowservice::v1;
using history_event = temporal::api::history::v1::HistoryEvent;
using command = temporal::api::command::v1::Command;
using namespace std::chrono_literals;

inline std::string deterministic(const google::protobuf::Message& m) {
  std::string out;
  {
    google::protobuf::io::StringOutputStream stream{&out};
    google::protobuf::io::CodedOutputStream coded{&stream};
    coded.SetSerializationDeterministic(true);
    m.SerializeToCodedStream(&coded);
  }
  return out;
}

inline api::common::v1::Payloads payloads(const std::string& json) {
  api::common::v1::Payloads out;
  auto& p = *out.add_payloads();
  (*p.mutable_metadata())["encoding"] = "json/plain";
  p.set_data(json);
  return out;
}

/// A task as a worker gets it, with the history that came with it.
struct worker_task {
  service::PollWorkflowTaskQueueResponse poll{};
  std::vector<history_event> events{};

  cluster::TaskToken token() const {
    cluster::TaskToken out;
    out.ParseFromString(poll.task_token());
    return out;
  }
};

class engine_fixture {
public:
  struct run {
    engine::execution state{};
    std::vector<engine::record> journal{};
    /// All of it, as if no transition had a row of its own.
    engine::record one_row{};
    std::string snapshot{};
    std::size_t snapshot_at = 0;
  };

  engine_fixture() {
    ns.id = "namespace-id";
    ns.name = "default";
    ns.search_attributes = {{"CustomInt", enums::INDEXED_VALUE_TYPE_INT},
                            {"CustomKeyword", enums::INDEXED_VALUE_TYPE_KEYWORD}};
  }

  virtual ~engine_fixture() = default;
  /// Copies go on by themselves, from the same place.
  engine_fixture(const engine_fixture&) = default;
  engine_fixture& operator=(const engine_fixture&) = default;

  // -- deciding -----------------------------------------------------------------------------------

  /// Decides the request on the run that it names and takes over the outcome.
  virtual engine::step apply(cluster::ExecutionRequest request) {
    address(request);
    auto at = find(request);
    std::optional<engine::execution> state;
    if (at < runs.size())
      state = runs[at].state;
    engine::context c{.now = now, .ids = ids, .ns = ns, .bounds = bounds};
    auto& taken = transition_coverage::all();
    taken.request(state ? &*state : nullptr, request);
    auto done = engine::decide(std::move(state), request, c);
    if (done.current) {
      REQUIRE(at < runs.size());
      taken.entries(runs[at].state, done.written);
      taken.commands(runs[at].state, request, done);
      take(runs[at], std::move(*done.current), done.written);
    }
    if (done.successor) {
      runs.emplace_back();
      taken.entries({}, done.successor->written);
      take(runs.back(), done.successor->state, done.successor->written);
    }
    for (const auto& task : done.offers)
      offers.push_back(task);
    for (const auto& message : done.messages)
      messages.push_back(message);
    return done;
  }

  /// What a request of this point asks for; of the current run, unless `index` names another one.
  static service::ResetWorkflowExecutionRequest reset_at(std::int64_t event_id) {
    service::ResetWorkflowExecutionRequest r;
    r.set_workflow_task_finish_event_id(event_id);
    r.set_request_id("reset");
    r.set_reason("try again");
    return r;
  }

  /// Resets a run as an execution and its readers do; with `early_starts`, of a journal in which a
  /// workflow task's start shares its row with what came next.
  engine::reset_step reset(const service::ResetWorkflowExecutionRequest& r,
                           std::optional<std::size_t> index = {}, bool early_starts = false) {
    auto at = index.value_or(runs.size() - 1);
    engine::context c{.now = now, .ids = ids, .ns = ns, .bounds = bounds};
    auto before = deterministic(runs[at].state) + deterministic(runs.back().state);
    if (auto problem = engine::reset_problem(runs[at].state, r))
      return {.refusal = std::move(problem)};
    auto known = engine::plan_reset(runs[at].state, r, c);
    while (auto from = known->wanted())
      read(*known, *from, early_starts);
    auto base = runs[at].state;
    auto other = runs.back().state;
    auto is_other = at + 1 < runs.size();
    auto done = engine::reset(base, is_other ? &other : nullptr, r, *known, c);
    if (done.refusal) {
      CHECK(deterministic(base) + deterministic(is_other ? other : base) == before);
      CHECK_FALSE(done.made);
      return done;
    }
    take(runs[at], std::move(base), done.base_written);
    if (is_other)
      take(runs.back(), std::move(other), done.current_written);
    take_fork(at, *known, *done.made, early_starts);
    offers.insert(offers.end(), done.offers.begin(), done.offers.end());
    messages.insert(messages.end(), done.messages.begin(), done.messages.end());
    return done;
  }

  void advance(duration d) {
    now += d;
  }

  /// Moves the clock and tells the current run.
  engine::step wake_after(duration d) {
    advance(d);
    cluster::ExecutionRequest request;
    request.mutable_wake();
    return apply(std::move(request));
  }

  // -- requests
  // -------------------------------------------------------------------------------------

  service::StartWorkflowExecutionRequest start_request() {
    service::StartWorkflowExecutionRequest r;
    r.set_workflow_id(id);
    r.mutable_workflow_type()->set_name("type");
    r.mutable_task_queue()->set_name("tq");
    r.set_identity("starter");
    r.set_request_id("start-" + std::to_string(++counter_));
    *r.mutable_workflow_run_timeout() = engine::to_proto(100s);
    return r;
  }

  engine::step start(const service::StartWorkflowExecutionRequest& r) {
    cluster::ExecutionRequest request;
    *request.mutable_start() = r;
    return apply(std::move(request));
  }

  engine::step start() {
    return start(start_request());
  }

  engine::step signal(const std::string& name, const std::string& request_id = {}) {
    cluster::ExecutionRequest request;
    auto& r = *request.mutable_signal();
    r.set_signal_name(name);
    r.set_identity("signaller");
    r.set_request_id(request_id);
    return apply(std::move(request));
  }

  engine::step terminate(const std::string& reason = {}) {
    cluster::ExecutionRequest request;
    request.mutable_terminate()->set_reason(reason);
    return apply(std::move(request));
  }

  engine::step request_cancel() {
    cluster::ExecutionRequest request;
    request.mutable_request_cancel()->set_identity("canceller");
    return apply(std::move(request));
  }

  // -- workers
  // ----------------------------------------------------------------------------------------

  /// The last offer of this kind that was not taken.
  std::optional<cluster::Task> offered(cluster::Task::Kind kind = cluster::Task::WORKFLOW) {
    for (auto i = offers.rbegin(); i != offers.rend(); ++i)
      if (i->kind() == kind)
        return *i;
    return std::nullopt;
  }

  engine::step take_task(const cluster::Task& task) {
    std::erase_if(offers, [&](const cluster::Task& t) {
      return t.SerializeAsString() == task.SerializeAsString();
    });
    cluster::ExecutionRequest request;
    request.set_run_id(task.run_id());
    auto& start = task.kind() == cluster::Task::WORKFLOW ? *request.mutable_start_workflow_task()
                                                         : *request.mutable_start_activity_task();
    *start.mutable_task() = task;
    start.set_identity("worker");
    start.set_request_id("poll-" + std::to_string(++counter_));
    start.mutable_task_queue()->set_name(task.task_queue());
    return apply(std::move(request));
  }

  /// A worker takes the offered workflow task.
  worker_task poll() {
    auto task = offered();
    REQUIRE(task);
    auto done = take_task(*task);
    REQUIRE_FALSE(done.obsolete_task);
    REQUIRE(done.answer.history);
    return task_of(*done.answer.history);
  }

  worker_task task_of(const engine::history_splice& splice) {
    worker_task out;
    REQUIRE(out.poll.ParseFromString(splice.message));
    cluster::TaskToken token;
    REQUIRE(token.ParseFromString(out.poll.task_token()));
    for (const auto& event : events_of(index_of(token.run_id())))
      if (event.event_id() >= splice.first_event_id && event.event_id() <= splice.last_event_id)
        out.events.push_back(event);
    api::history::v1::History transient;
    REQUIRE(transient.ParseFromString(splice.transient_events));
    for (const auto& event : transient.events())
      out.events.push_back(event);
    return out;
  }

  cluster::ExecutionRequest completion(const worker_task& task,
                                       const std::vector<command>& commands) {
    cluster::ExecutionRequest request;
    *request.mutable_token() = task.token();
    request.set_run_id(request.token().run_id());
    auto& r = *request.mutable_complete_workflow_task();
    r.set_identity("worker");
    for (const auto& c : commands)
      *r.add_commands() = c;
    return request;
  }

  engine::step complete(const worker_task& task, const std::vector<command>& commands = {}) {
    return apply(completion(task, commands));
  }

  engine::step fail(const worker_task& task,
                    enums::WorkflowTaskFailedCause cause
                    = enums::WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE) {
    cluster::ExecutionRequest request;
    *request.mutable_token() = task.token();
    auto& r = *request.mutable_fail_workflow_task();
    r.set_cause(cause);
    r.set_identity("worker");
    r.mutable_failure()->set_message("boom");
    return apply(std::move(request));
  }

  // -- commands
  // -----------------------------------------------------------------------------------------

  static command done(const std::string& json = "\"done\"") {
    command c;
    c.set_command_type(enums::COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION);
    *c.mutable_complete_workflow_execution_command_attributes()->mutable_result() = payloads(json);
    return c;
  }

  static command fail_workflow(const std::string& message) {
    command c;
    c.set_command_type(enums::COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION);
    auto& f = *c.mutable_fail_workflow_execution_command_attributes()->mutable_failure();
    f.set_message(message);
    f.mutable_application_failure_info()->set_type("Boom");
    return c;
  }

  static command timer(const std::string& id, duration d) {
    command c;
    c.set_command_type(enums::COMMAND_TYPE_START_TIMER);
    auto& a = *c.mutable_start_timer_command_attributes();
    a.set_timer_id(id);
    *a.mutable_start_to_fire_timeout() = engine::to_proto(d);
    return c;
  }

  static command cancel_timer(const std::string& id) {
    command c;
    c.set_command_type(enums::COMMAND_TYPE_CANCEL_TIMER);
    c.mutable_cancel_timer_command_attributes()->set_timer_id(id);
    return c;
  }

  static command activity(const std::string& id) {
    command c;
    c.set_command_type(enums::COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK);
    auto& a = *c.mutable_schedule_activity_task_command_attributes();
    a.set_activity_id(id);
    a.mutable_activity_type()->set_name("act");
    a.mutable_task_queue()->set_name("tq");
    *a.mutable_start_to_close_timeout() = engine::to_proto(10s);
    return c;
  }

  static command continue_as_new() {
    command c;
    c.set_command_type(enums::COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION);
    c.mutable_continue_as_new_workflow_execution_command_attributes();
    return c;
  }

  // -- looking
  // --------------------------------------------------------------------------------------------

  run& current() {
    REQUIRE_FALSE(runs.empty());
    return runs.back();
  }

  const engine::execution& state() {
    return current().state;
  }

  std::vector<history_event> events_of(std::size_t index) const {
    std::vector<history_event> out;
    for (const auto& row : runs[index].journal) {
      api::history::v1::History history;
      REQUIRE(history.ParseFromString(row.events));
      out.insert(out.end(), history.events().begin(), history.events().end());
    }
    return out;
  }

  /// "WORKFLOW_EXECUTION_STARTED", ... of one run, the current one unless said otherwise.
  std::vector<std::string> types(std::optional<std::size_t> index = {}) const {
    std::vector<std::string> out;
    for (const auto& event : events_of(index.value_or(runs.size() - 1)))
      out.push_back(type_of(event));
    return out;
  }

  static std::string type_of(const history_event& event) {
    return enums::EventType_Name(event.event_type()).substr(std::string{"EVENT_TYPE_"}.size());
  }

  std::size_t index_of(const std::string& run_id) const {
    for (std::size_t i = 0; i < runs.size(); ++i)
      if (runs[i].state.created().run_id() == run_id)
        return i;
    return runs.size();
  }

  /// Of the workflow.
  std::string id = "wf";
  seeded_ids ids{7};
  engine::namespace_facts ns{};
  engine::limits bounds{};
  time_point now{1'700'000'000s};
  std::vector<run> runs{};
  std::vector<cluster::Task> offers{};
  /// That left, whether or not anybody took them.
  std::vector<outbox::Message> messages{};

protected:
  void address(cluster::ExecutionRequest& request) const {
    request.set_namespace_id(ns.id);
    request.set_namespace_name(ns.name);
    if (request.workflow_id().empty())
      request.set_workflow_id(id);
  }

  std::size_t find(const cluster::ExecutionRequest& request) const {
    auto run_id = request.run_id().empty() ? request.token().run_id() : request.run_id();
    if (request.has_deliver()) {
      const auto& message = request.deliver().message();
      run_id = engine::run_of(message);
      if (!runs.empty() && engine::has_child_of(runs.back().state, message.child_closed()))
        run_id.clear();
    }
    if (request.has_answered()) {
      run_id = request.answered().run_id();
      if (!runs.empty()
          && engine::answered_message(runs.back().state, request.answered()) != nullptr)
        run_id.clear();
      for (auto at = index_of(run_id); at < runs.size(); at = index_of(run_id)) {
        const auto& next = engine::moved_to(runs[at].state, request.answered());
        if (next.empty())
          break;
        run_id = next;
      }
    }
    if (!run_id.empty())
      return index_of(run_id);
    return runs.empty() ? 0 : runs.size() - 1;
  }

  /// Takes over a step's outcome and checks that the journal says the same.
  void take(run& r, engine::execution after, const engine::record& written) {
    auto expected = r.state.next_event_id() == 0 ? 1 : r.state.next_event_id();
    if (!written.empty()) {
      CHECK(written.first_event_id == expected);
      r.journal.push_back(written);
      r.one_row = r.one_row.empty() ? written : engine::joined(std::move(r.one_row), written);
    } else {
      CHECK(deterministic(after) == deterministic(r.state));
    }
    r.state = std::move(after);
    check_contiguous(r);
    engine::execution replayed;
    for (const auto& row : r.journal)
      REQUIRE(engine::evolve(replayed, row));
    CHECK_MESSAGE(deterministic(replayed) == deterministic(r.state), replayed.DebugString()
                                                                       << "\n--- but live ---\n"
                                                                       << r.state.DebugString());
    engine::execution unrolled;
    REQUIRE(engine::evolve(unrolled, r.one_row));
    CHECK(deterministic(unrolled) == deterministic(r.state));
    engine::execution thawed;
    REQUIRE(thawed.ParseFromString(r.snapshot));
    for (auto i = r.snapshot_at; i < r.journal.size(); ++i)
      REQUIRE(engine::evolve(thawed, r.journal[i]));
    CHECK(deterministic(thawed) == deterministic(r.state));
    constexpr std::size_t snapshot_every = 3;
    if (r.journal.size() % snapshot_every == 0) {
      r.snapshot = r.state.SerializeAsString();
      r.snapshot_at = r.journal.size();
    }
  }

  /// As the store has it.
  std::vector<engine::record> rows_of(std::size_t index, bool early_starts) const {
    if (!early_starts)
      return runs[index].journal;
    std::vector<engine::record> out;
    bool held = false;
    for (const auto& row : runs[index].journal) {
      if (held)
        out.back() = engine::joined(std::move(out.back()), row);
      else
        out.push_back(row);
      api::history::v1::History history;
      REQUIRE(history.ParseFromString(row.events));
      held = !held && row.event_count == 1 && row.facts.empty()
             && history.events(0).event_type() == enums::EVENT_TYPE_WORKFLOW_TASK_STARTED;
    }
    return out;
  }

  void read(engine::fork& known, const engine::history_place& from, bool early_starts) const {
    auto index = index_of(from.run_id);
    std::uint64_t seq = 0;
    for (const auto& row :
         index < runs.size() ? rows_of(index, early_starts) : std::vector<engine::record>{}) {
      ++seq;
      if (row.event_count > 0 && row.first_event_id + row.event_count > from.next_event_id)
        known.take({.seq = seq,
                    .first_event_id = row.first_event_id,
                    .event_count = row.event_count,
                    .events = row.events});
    }
    known.no_more(index < runs.size());
  }

  void take_fork(std::size_t base, const engine::fork& known, const engine::new_run& made,
                 bool early_starts) {
    auto copied = *known.copy();
    std::vector<engine::record> rows{copied.begin};
    std::uint64_t seq = 0;
    for (auto& row : rows_of(base, early_starts))
      if (++seq <= copied.last_seq && row.event_count > 0)
        rows.push_back({.first_event_id = row.first_event_id,
                        .event_count = row.event_count,
                        .events = row.events});
    runs.emplace_back();
    auto& r = runs.back();
    for (const auto& row : rows) {
      REQUIRE(engine::evolve(r.state, row));
      r.journal.push_back(row);
      r.one_row = r.one_row.empty() ? row : engine::joined(std::move(r.one_row), row);
    }
    take(r, made.state, made.written);
  }

private:
  void check_contiguous(const run& r) const {
    std::int64_t next = 1;
    for (const auto& row : r.journal) {
      api::history::v1::History history;
      REQUIRE(history.ParseFromString(row.events));
      CHECK(row.event_count == history.events_size());
      for (const auto& event : history.events())
        CHECK(event.event_id() == next++);
    }
  }

  int counter_ = 0;
};

using names = std::vector<std::string>;

} // namespace reprise::testing
