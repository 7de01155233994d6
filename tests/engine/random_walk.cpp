// Random requests in random order. What must hold after every step whatever came: the fixture's
// replay, contiguous ids, and the invariants below.

#include "engine/workflow/workflow_session.hpp"
#include "tests/support/outside_commands.hpp"
#include "tests/support/update_fixture.hpp"

#include <random>

namespace reprise::testing {

namespace {

class walker {
public:
  explicit walker(unsigned seed) : random_(seed) {
    f_.ids = seeded_ids{seed};
  }

  void step() {
    if (f_.runs.empty() || (!engine::is_open(f_.state()) && chance(3)))
      return start();
    switch (pick(19)) {
      case 13:
        return answer();
      case 14:
        return deliver();
      case 15:
      case 16:
        return update();
      case 17:
        return void(chance(5) ? lose_session() : poll());
      case 18:
        return chance(2) ? reset() : void(f_.signal("u", "q" + std::to_string(pick(9))));
      case 12:
        return take_back();
      case 0:
        return void(f_.signal("s", chance(2) ? "r" + std::to_string(pick(5)) : ""));
      case 1:
        return f_.advance(std::chrono::milliseconds{pick(4000)});
      case 2:
        return wake();
      case 3:
      case 4:
        return poll();
      case 5:
      case 6:
      case 7:
        return complete();
      case 8:
        return fail();
      case 9:
        return activity();
      case 10:
        return other();
      default:
        return void(chance(6) ? f_.terminate() : f_.signal("t"));
    }
  }

  void check() const {
    if (f_.runs.empty())
      return;
    for (std::size_t i = 0; i + 1 < f_.runs.size(); ++i)
      CHECK_FALSE(engine::is_open(f_.runs[i].state));
    const auto& x = f_.runs.back().state;
    check_session(x);
    if (!engine::is_open(x)) {
      CHECK(engine::undelivered_tasks(x, f_.now).empty());
      CHECK(x.has_close_event());
      return;
    }
    CHECK(engine::next_deadline(x).has_value());
    if (x.workflow_task().started_event_id() == 0)
      CHECK(x.buffered_events_size() == 0);
    for (const auto& task : engine::undelivered_tasks(x, f_.now))
      CHECK(task.run_id() == x.created().run_id());
  }

private:
  /// Whoever waits is woken in time, and what no worker was asked about has a task that asks.
  void check_session(const engine::execution& x) const {
    if (!f_.session) {
      CHECK(f_.waiting.empty());
      return;
    }
    const auto& held = static_cast<const engine::workflow_session&>(*f_.session);
    if (!engine::is_open(x)) {
      CHECK(f_.waiting.empty());
      CHECK_FALSE(held.task);
      return;
    }
    CHECK((f_.waiting.empty() || held.next_deadline()));
    auto unsent = held.updates.any_unsent(x.created().run_id(), [](const auto&) { return true; });
    auto has_task = x.workflow_task().scheduled_event_id() != 0;
    CHECK((!unsent || has_task || held.task || x.created().has_first_task_at()));
    CHECK_FALSE((has_task && held.task));
    CHECK(held.updates.pending(x.created().run_id()) <= f_.bounds.updates_in_flight_max);
    CHECK(x.update_count() <= static_cast<std::int64_t>(x.updates().size()));
  }

  std::string update_id() {
    return "u" + std::to_string(pick(6));
  }

  void update() {
    if (chance(4))
      return void(f_.poll_update(update_id(), stage_wanted(pick(4))));
    if (!chance(5))
      return void(f_.send(update_id(), stage_wanted(2 + pick(2))));
    cluster::ExecutionRequest request;
    auto& both = *request.mutable_update_with_start();
    auto start = f_.start_request();
    start.set_workflow_id_conflict_policy(
      static_cast<enums::WorkflowIdConflictPolicy>(1 + pick(3)));
    *both.add_operations()->mutable_start_workflow() = std::move(start);
    *both.add_operations()->mutable_update_workflow() = f_.update_of(update_id(),
                                                                     stage_wanted(2 + pick(2)));
    if (f_.ask(std::move(request)).successor) {
      tasks_.clear();
      activities_.clear();
    }
  }

  /// The actor dies; workers go on with what they have.
  void lose_session() {
    f_.lose_session();
  }

  /// What a worker says of updates, some of it nonsense.
  void add_messages(const worker_task& task, service::RespondWorkflowTaskCompletedRequest& r) {
    auto add = [&](const Message& m) {
      if (chance(2)) {
        command c;
        c.set_command_type(enums::COMMAND_TYPE_PROTOCOL_MESSAGE);
        c.mutable_protocol_message_command_attributes()->set_message_id(m.id());
        // In front: a close comes last.
        *r.add_commands() = c;
        for (int i = r.commands_size() - 1; i > 0; --i)
          r.mutable_commands()->SwapElements(i, i - 1);
      }
      *r.add_messages() = m;
    };
    for (const auto& m : task.poll.messages()) {
      if (chance(3))
        add(f_.rejection(m));
      else if (!chance(4))
        add(f_.acceptance(m));
    }
    for (const auto& [id, known] : std::map<std::string, journal::UpdateState>(
           f_.state().updates().begin(), f_.state().updates().end()))
      if (known.accepted_event_id() != 0 && known.completed_event_id() == 0 && chance(2))
        add(f_.result(id));
    if (chance(20))
      add(f_.result(update_id()));
  }

  std::uint32_t pick(std::uint32_t n) {
    return static_cast<std::uint32_t>(random_() % n);
  }

  bool chance(std::uint32_t one_in) {
    return pick(one_in) == 0;
  }

  void start() {
    auto r = f_.start_request();
    *r.mutable_workflow_run_timeout() = engine::to_proto(std::chrono::seconds{20 + pick(100)});
    if (chance(3))
      r.mutable_retry_policy()->set_maximum_attempts(static_cast<int>(pick(4)));
    if (chance(4))
      r.set_cron_schedule("@every 3s");
    else if (chance(4))
      *r.mutable_workflow_start_delay() = engine::to_proto(std::chrono::seconds{pick(5)});
    r.set_request_eager_execution(chance(4));
    tasks_.clear();
    activities_.clear();
    auto done = f_.start(r);
    if (done.answer.history)
      tasks_.push_back(f_.task_of(*done.answer.history));
  }

  /// A wake leaves no deadline that has passed.
  void wake() {
    f_.wake_after(0s);
    for (int i = 0; i < 3 && is_due(); ++i)
      f_.wake_after(0s);
    CHECK_FALSE(is_due());
  }

  bool is_due() {
    const auto& x = f_.state();
    return engine::is_open(x) && *engine::next_deadline(x) <= f_.now;
  }

  /// Of any run, at any event: what is legal is done, what is not changes nothing.
  void reset() {
    auto at = chance(3) ? pick(static_cast<std::uint32_t>(f_.runs.size()))
                        : static_cast<std::uint32_t>(f_.runs.size() - 1);
    auto last = static_cast<std::uint32_t>(f_.runs[at].state.next_event_id());
    // The fixture resets without one.
    f_.lose_session();
    auto r = f_.reset_at(pick(last + 2));
    if (chance(4))
      r.add_reset_reapply_exclude_types(static_cast<enums::ResetReapplyExcludeType>(1 + pick(2)));
    auto done = f_.reset(r, at, chance(2));
    if (done.refusal)
      return;
    CHECK(f_.state().workflow_task().scheduled_event_id() == f_.state().next_event_id() - 1);
    CHECK(f_.runs[at].state.header().reset_run_id() == f_.state().created().run_id());
    tasks_.clear();
    activities_.clear();
  }

  void poll() {
    auto offers = engine::undelivered_tasks(f_.state(), f_.now);
    for (const auto& task : f_.offers)
      if (task.speculative())
        offers.push_back(task);
    if (offers.empty())
      return;
    auto task = offers[pick(static_cast<std::uint32_t>(offers.size()))];
    auto done = f_.take_task(task);
    if (done.obsolete_task)
      return;
    if (done.answer.history)
      tasks_.push_back(f_.task_of(*done.answer.history));
    else if (task.kind() == cluster::Task::ACTIVITY) {
      service::PollActivityTaskQueueResponse answer;
      REQUIRE(answer.ParseFromString(done.answer.response));
      activities_.push_back(answer.task_token());
    }
  }

  command random_command() {
    auto id = std::to_string(pick(4));
    switch (pick(16)) {
      case 12:
      case 13:
        return writing_command(id);
      case 0:
      case 1:
        return f_.activity("a" + id);
      case 2:
        return f_.timer("t" + id, std::chrono::milliseconds{pick(3000)});
      case 3:
        return f_.cancel_timer("t" + id);
      case 4:
        return cancel_activity();
      case 5:
        return chance(3) ? f_.continue_as_new() : f_.timer("u" + id, 1s);
      case 6:
        return chance(3) ? f_.fail_workflow("no") : f_.timer("v" + id, 1s);
      case 7:
        return chance(3) ? f_.done() : f_.activity("b" + id);
      default:
        return f_.activity("c" + std::to_string(pick(1000)));
    }
  }

  /// Of those that only write something down, and of those that are refused.
  command writing_command(const std::string& id) {
    command c;
    switch (pick(8)) {
      case 6:
        return signal_external("other-" + id);
      case 7:
        return cancel_external("other-" + id);
      case 0:
        c.set_command_type(enums::COMMAND_TYPE_RECORD_MARKER);
        c.mutable_record_marker_command_attributes()->set_marker_name("m" + id);
        return c;
      case 1:
        c.set_command_type(enums::COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES);
        (*c.mutable_upsert_workflow_search_attributes_command_attributes()
            ->mutable_search_attributes()
            ->mutable_indexed_fields())["CustomInt"]
          = payloads(chance(3) ? "null" : id).payloads(0);
        return c;
      case 2:
        c.set_command_type(enums::COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES);
        (*c.mutable_modify_workflow_properties_command_attributes()
            ->mutable_upserted_memo()
            ->mutable_fields())["k" + id]
          = payloads(chance(3) ? "null" : id).payloads(0);
        return c;
      case 3:
        c.set_command_type(enums::COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION);
        c.mutable_cancel_workflow_execution_command_attributes();
        return chance(3) ? c : f_.timer("w" + id, 1s);
      case 4:
        return child("child-" + id, chance(8) ? "" : "type");
      default:
        return f_.activity("d" + id);
    }
  }

  command cancel_activity() {
    command c;
    c.set_command_type(enums::COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK);
    std::int64_t id = 5;
    for (const auto& [scheduled, pending] : f_.state().activities())
      id = std::max(id, scheduled);
    c.mutable_request_cancel_activity_task_command_attributes()->set_scheduled_event_id(id);
    return c;
  }

  void complete() {
    if (tasks_.empty())
      return poll();
    std::vector<command> commands;
    for (auto n = pick(4); n > 0; --n)
      commands.push_back(random_command());
    auto request = f_.completion(tasks_.back(), commands);
    auto& r = *request.mutable_complete_workflow_task();
    add_messages(tasks_.back(), r);
    r.mutable_capabilities()->set_discard_speculative_workflow_task_with_events(chance(2));
    r.set_force_create_new_workflow_task(chance(4));
    r.set_return_new_workflow_task(chance(3));
    if (chance(2)) {
      r.mutable_sticky_attributes()->mutable_worker_task_queue()->set_name("sticky");
      *r.mutable_sticky_attributes()->mutable_schedule_to_start_timeout()
        = engine::to_proto(std::chrono::seconds{pick(6)});
    }
    auto done = f_.apply(request);
    if (!done.answer.failure && chance(5))
      f_.apply(request);
    tasks_.pop_back();
    if (done.answer.history)
      tasks_.push_back(f_.task_of(*done.answer.history));
  }

  void fail() {
    if (tasks_.empty())
      return;
    f_.fail(tasks_.back());
    tasks_.pop_back();
  }

  /// The token stays in the worker's hands: it may still be used, or taken back once more.
  void take_back() {
    cluster::ExecutionRequest request;
    auto& token = *request.mutable_token();
    if (!tasks_.empty() && (activities_.empty() || chance(2)))
      token = tasks_.back().token();
    else if (!activities_.empty())
      REQUIRE(token.ParseFromString(activities_.back()));
    else
      return;
    request.set_run_id(token.run_id());
    request.mutable_take_back();
    auto done = f_.apply(request);
    // Of a speculative task nothing is written.
    if (done.written.empty() || done.offers.empty())
      return;
    CHECK_FALSE(f_.apply(request).answer.failure);
    if (token.kind() == cluster::TaskToken::WORKFLOW) {
      CHECK(f_.complete(tasks_.back()).answer.failure.has_value());
      CHECK(done.offers.size() == 1);
    }
  }

  /// Of a message that one of the runs sent, now or long ago.
  void answer() {
    if (f_.messages.empty())
      return;
    const auto& m = f_.messages[pick(static_cast<std::uint32_t>(f_.messages.size()))];
    cluster::ExecutionRequest request;
    auto& answered = *request.mutable_answered();
    answered.set_run_id(m.run_id());
    answered.set_number(m.number());
    answered.set_word(m.word());
    answered.mutable_answer()->set_code(static_cast<int>(chance(2) ? errc{} : errc::not_found));
    CHECK(f_.apply(request).forget);
  }

  /// From another workflow, to the current run or to one that may be no more.
  void deliver() {
    cluster::ExecutionRequest request;
    auto& d = *request.mutable_deliver();
    d.mutable_from()->set_id("sender");
    *d.mutable_sent_at() = engine::to_proto(f_.now);
    auto& m = *d.mutable_message();
    m.set_number(pick(1000));
    m.mutable_to()->set_id(f_.id);
    m.set_child_workflow_only(chance(8));
    auto run
      = chance(2)
          ? std::string{}
          : f_.runs[pick(static_cast<std::uint32_t>(f_.runs.size()))].state.created().run_id();
    if (chance(8)) {
      m.mutable_withdraw()->set_policy(static_cast<int>(1 + pick(3)));
      m.mutable_withdraw()->set_child_run_id(run);
      d.set_start_is_known(chance(2));
    } else if (chance(4)) {
      end_child(m);
    } else if (chance(4)) {
      m.mutable_terminate()->set_reason("policy");
      m.mutable_terminate()->set_first_execution_run_id(run);
    } else if (chance(2)) {
      m.mutable_signal()->set_signal_name("s");
      m.mutable_signal()->mutable_workflow_execution()->set_run_id(run);
    } else {
      m.mutable_cancel()->mutable_workflow_execution()->set_run_id(run);
    }
    f_.apply(request);
  }

  /// Of a child that some run has, or once had.
  void end_child(outbox::Message& m) {
    auto& report = *m.mutable_child_closed();
    const auto& x = f_.runs[pick(static_cast<std::uint32_t>(f_.runs.size()))].state;
    report.set_parent_run_id(x.created().run_id());
    std::int64_t first = pick(30);
    for (const auto& [initiated, pending] : x.children())
      first = std::max(first, initiated);
    report.set_parent_initiated_event_id(first);
    auto i = x.children().find(first);
    report.mutable_child()->set_workflow_id(i == x.children().end() ? "child"
                                                                    : i->second.workflow_id());
    report.set_child_first_run_id(i == x.children().end() ? "run" : i->second.run_id());
    for (const auto& [number, sent] : x.outbox())
      if (report.child_first_run_id().empty() && sent.event_id() == first)
        report.set_child_first_run_id(sent.start_child().child_run_id());
    report.mutable_close_event()->set_event_type(
      chance(2) ? enums::EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED
                : enums::EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT);
  }

  void activity() {
    if (activities_.empty())
      return poll();
    auto token = activities_.back();
    cluster::ExecutionRequest request;
    REQUIRE(request.mutable_token()->ParseFromString(token));
    switch (pick(4)) {
      case 0:
        request.mutable_complete_activity()->set_identity("w");
        break;
      case 1: {
        auto& failure = *request.mutable_fail_activity()->mutable_failure();
        failure.set_message("f");
        failure.mutable_application_failure_info()->set_non_retryable(chance(3));
        break;
      }
      case 2:
        request.mutable_heartbeat_activity()->set_identity("w");
        break;
      default:
        request.mutable_cancel_activity()->set_identity("w");
        break;
    }
    f_.apply(request);
    if (chance(2))
      activities_.pop_back();
  }

  void other() {
    cluster::ExecutionRequest request;
    switch (pick(12)) {
      case 5:
      case 6:
      case 7:
      case 8:
        operate(request);
        break;
      case 9: {
        auto& r = *request.mutable_signal_with_start();
        r.mutable_workflow_type()->set_name("type");
        r.mutable_task_queue()->set_name("tq");
        *r.mutable_workflow_run_timeout() = engine::to_proto(std::chrono::seconds{20 + pick(100)});
        r.set_signal_name("s");
        r.set_request_id(chance(2) ? "r" + std::to_string(pick(5)) : "");
        break;
      }
      case 10:
        request.mutable_describe();
        break;
      case 11:
        if (!chance(4))
          return void(f_.signal("d"));
        request.mutable_delete_execution();
        break;
      case 0:
        request.mutable_reset_sticky();
        break;
      case 1:
        request.mutable_reoffer()->set_sticky_unavailable(chance(2));
        break;
      case 2: {
        auto r = f_.start_request();
        r.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING);
        r.mutable_on_conflict_options()->set_attach_request_id(true);
        *request.mutable_start() = r;
        break;
      }
      case 3:
        return void(f_.request_cancel());
      default: {
        auto& r = *request.mutable_update_options();
        r.mutable_workflow_execution_options()->mutable_priority()->set_priority_key(
          static_cast<int>(pick(5)));
        r.mutable_update_mask()->add_paths("priority");
        break;
      }
    }
    f_.apply(request);
  }

  /// What operators do to activities.
  void operate(cluster::ExecutionRequest& request) {
    auto id = "a" + std::to_string(pick(4));
    switch (pick(4)) {
      case 0:
        request.mutable_pause_activity()->set_id(id);
        request.mutable_pause_activity()->set_request_id(std::to_string(pick(2)));
        return;
      case 1:
        request.mutable_unpause_activity()->set_unpause_all(true);
        request.mutable_unpause_activity()->set_reset_attempts(chance(2));
        return;
      case 2:
        request.mutable_reset_activity()->set_match_all(true);
        request.mutable_reset_activity()->set_keep_paused(chance(2));
        return;
      default: {
        auto& r = *request.mutable_update_activity_options();
        r.set_id(id);
        *r.mutable_activity_options()->mutable_start_to_close_timeout()
          = engine::to_proto(std::chrono::seconds{1 + pick(5)});
        r.mutable_update_mask()->add_paths("start_to_close_timeout");
        return;
      }
    }
  }

  std::minstd_rand random_;
  update_fixture f_;
  std::vector<worker_task> tasks_;
  std::vector<std::string> activities_;
};

} // namespace

SCENARIO("whatever comes in whatever order, the journal tells the state") {
  constexpr unsigned seeds = 300;
  constexpr int steps = 60;
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    INFO("seed ", seed);
    walker w{seed};
    for (int i = 0; i < steps; ++i) {
      w.step();
      w.check();
    }
  }
}

} // namespace reprise::testing
