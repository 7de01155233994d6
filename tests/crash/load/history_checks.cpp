// The rules of a history, checked event by event. Each event that belongs to an earlier one names
// it by id, so the checker keeps what is open (a workflow task, activities, timers) and looks
// whether each next event fits. What is left open at the end tells what was lost.

#include "tests/crash/load/history_checks.hpp"

#include "engine/engine.hpp"
#include "engine/machine/proto_time.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace reprise::crash {

namespace enums = temporal::api::enums::v1;

namespace {

struct open_activity {
  const history_event* scheduled = nullptr;
  const history_event* started = nullptr;
};

class history_checker {
public:
  history_checker(const order_plan& plan, const std::vector<history_event>& events)
    : plan_(plan), events_(events) {
  }

  std::vector<std::string> run() {
    for (std::size_t i = 0; i < events_.size(); ++i) {
      const auto& e = events_[i];
      now_ = &e;
      expect(e.event_id() == static_cast<std::int64_t>(i + 1), "has a wrong id");
      expect((e.event_type() == enums::EVENT_TYPE_WORKFLOW_EXECUTION_STARTED) == (i == 0),
             "is a start at a wrong place");
      expect(!closed_, "comes behind the close");
      check_time(e);
      check_event(e);
    }
    now_ = nullptr;
    check_end();
    check_workflow_code();
    check_fold();
    return std::move(wrong_);
  }

private:
  void expect(bool holds, const std::string& text) {
    if (holds)
      return;
    auto who = now_ == nullptr ? std::string{"the history"}
                               : "event " + std::to_string(now_->event_id()) + " ("
                                   + enums::EventType_Name(now_->event_type()) + ")";
    wrong_.push_back(who + " " + text);
  }

  const history_event* event(std::int64_t id) const {
    auto known = id >= 1 && id <= static_cast<std::int64_t>(events_.size());
    return known ? &events_[static_cast<std::size_t>(id - 1)] : nullptr;
  }

  /// Times never go back, but for events that waited for the end of a workflow task: they tell when
  /// they came, which was behind the task's start.
  void check_time(const history_event& e) {
    // The start of an activity is written with its end, but tells when it was.
    if (e.event_type() == enums::EVENT_TYPE_ACTIVITY_TASK_STARTED)
      return;
    auto time = engine::from_proto(e.event_time());
    expect(time >= (may_wait(e) ? task_time_ : last_time_), "is earlier than what it followed");
    last_time_ = std::max(last_time_, time);
    if (e.event_type() == enums::EVENT_TYPE_WORKFLOW_TASK_STARTED)
      task_time_ = time;
  }

  static bool may_wait(const history_event& e) {
    return e.event_type() == enums::EVENT_TYPE_ACTIVITY_TASK_COMPLETED
           || e.event_type() == enums::EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT
           || e.event_type() == enums::EVENT_TYPE_TIMER_FIRED
           || e.event_type() == enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED;
  }

  void check_event(const history_event& e) {
    switch (e.event_type()) {
      case enums::EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
        return expect(plan_of(e) == plan_, "carries another input");
      case enums::EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
      case enums::EVENT_TYPE_WORKFLOW_TASK_STARTED:
      case enums::EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
      case enums::EVENT_TYPE_WORKFLOW_TASK_FAILED:
      case enums::EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
        return check_task(e);
      case enums::EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
      case enums::EVENT_TYPE_ACTIVITY_TASK_STARTED:
      case enums::EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
      case enums::EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
        return check_activity(e);
      case enums::EVENT_TYPE_TIMER_STARTED:
      case enums::EVENT_TYPE_TIMER_FIRED:
        return check_timer(e);
      case enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
        return check_signal(e);
      case enums::EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
        return check_completed(e);
      default:
        return expect(false, "belongs into no order");
    }
  }

  // -- workflow tasks ----------------------------------------------------------------------------

  void check_task(const history_event& e) {
    switch (e.event_type()) {
      case enums::EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
        expect(task_scheduled_ == 0, "comes while a task is pending");
        task_scheduled_ = e.event_id();
        task_started_ = 0;
        return;
      case enums::EVENT_TYPE_WORKFLOW_TASK_STARTED: {
        const auto& a = e.workflow_task_started_event_attributes();
        expect(task_started_ == 0, "starts a task twice");
        expect(a.scheduled_event_id() == task_scheduled_, "starts a task that is not pending");
        task_started_ = e.event_id();
        return;
      }
      case enums::EVENT_TYPE_WORKFLOW_TASK_COMPLETED: {
        const auto& a = e.workflow_task_completed_event_attributes();
        last_completed_ = e.event_id();
        return end_task(a.scheduled_event_id(), a.started_event_id());
      }
      case enums::EVENT_TYPE_WORKFLOW_TASK_FAILED: {
        const auto& a = e.workflow_task_failed_event_attributes();
        expect(false, "fails a task: " + a.failure().message());
        return end_task(a.scheduled_event_id(), a.started_event_id());
      }
      default: {
        const auto& a = e.workflow_task_timed_out_event_attributes();
        return end_task(a.scheduled_event_id(), a.started_event_id());
      }
    }
  }

  void end_task(std::int64_t scheduled, std::int64_t started) {
    expect(scheduled != 0 && scheduled == task_scheduled_, "ends a task that is not pending");
    expect(started == task_started_, "ends another start of the task");
    task_scheduled_ = 0;
    task_started_ = 0;
  }

  void check_command(std::int64_t completed_event_id) {
    expect(completed_event_id == last_completed_, "names a wrong completion");
  }

  // -- activities --------------------------------------------------------------------------------

  void check_activity(const history_event& e) {
    switch (e.event_type()) {
      case enums::EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: {
        const auto& a = e.activity_task_scheduled_event_attributes();
        check_command(a.workflow_task_completed_event_id());
        expect(activity_ids_.insert(a.activity_id()).second, "schedules an activity twice");
        activities_[e.event_id()].scheduled = &e;
        return;
      }
      case enums::EVENT_TYPE_ACTIVITY_TASK_STARTED:
        return check_activity_started(e);
      case enums::EVENT_TYPE_ACTIVITY_TASK_COMPLETED: {
        const auto& a = e.activity_task_completed_event_attributes();
        if (auto open = end_activity(a.scheduled_event_id(), a.started_event_id()))
          check_result(*open, text_of(a.result()));
        return;
      }
      default: {
        const auto& a = e.activity_task_timed_out_event_attributes();
        if (auto open = end_activity(a.scheduled_event_id(), a.started_event_id())) {
          const auto& id = open->scheduled->activity_task_scheduled_event_attributes();
          expect(id.activity_id() == once_activity, "gives up an activity that has retries");
        }
      }
    }
  }

  void check_activity_started(const history_event& e) {
    const auto& a = e.activity_task_started_event_attributes();
    auto found = activities_.find(a.scheduled_event_id());
    if (found == activities_.end())
      return expect(false, "starts an activity that is not pending");
    expect(found->second.started == nullptr, "starts an activity twice");
    found->second.started = &e;
    const auto& scheduled = *found->second.scheduled;
    expect(engine::from_proto(e.event_time()) >= engine::from_proto(scheduled.event_time()),
           "is earlier than its scheduling");
    const auto& id = scheduled.activity_task_scheduled_event_attributes().activity_id();
    auto is_flaky = id == flaky_activity;
    expect(is_flaky ? a.attempt() >= 2 : a.attempt() == 1, "has a wrong attempt");
    expect(a.has_last_failure() == (a.attempt() > 1), "has a wrong last failure");
  }

  std::optional<open_activity> end_activity(std::int64_t scheduled, std::int64_t started) {
    auto found = activities_.find(scheduled);
    if (found == activities_.end()) {
      expect(false, "ends an activity that is not pending");
      return std::nullopt;
    }
    auto open = found->second;
    activities_.erase(found);
    expect(started == (open.started == nullptr ? 0 : open.started->event_id()),
           "ends another start of the activity");
    return open;
  }

  void check_result(const open_activity& open, const std::string& result) {
    if (open.started == nullptr)
      return expect(false, "completes an activity that nobody started");
    const auto& a = open.scheduled->activity_task_scheduled_event_attributes();
    auto attempt = open.started->activity_task_started_event_attributes().attempt();
    expect(result == run_activity(a.activity_id(), text_of(a.input()), attempt),
           "has the result of another attempt: " + result);
  }

  // -- timers and signals ------------------------------------------------------------------------

  void check_timer(const history_event& e) {
    if (e.event_type() == enums::EVENT_TYPE_TIMER_STARTED) {
      const auto& a = e.timer_started_event_attributes();
      check_command(a.workflow_task_completed_event_id());
      expect(timer_ == nullptr && !timer_fired_, "starts a timer twice");
      timer_ = &e;
      return;
    }
    const auto& a = e.timer_fired_event_attributes();
    if (timer_ == nullptr || a.started_event_id() != timer_->event_id() || a.timer_id() != timer_id)
      return expect(false, "fires a timer that does not run");
    auto due
      = engine::from_proto(timer_->event_time())
        + engine::from_proto(timer_->timer_started_event_attributes().start_to_fire_timeout());
    expect(engine::from_proto(e.event_time()) >= due, "fires early");
    timer_ = nullptr;
    timer_fired_ = true;
  }

  void check_signal(const history_event& e) {
    const auto& a = e.workflow_execution_signaled_event_attributes();
    auto number = std::atoi(text_of(a.input()).c_str());
    expect(number >= 0 && number < plan_.signals, "carries a signal that nobody sent");
    expect(signals_.insert(number).second, "doubles signal " + std::to_string(number));
  }

  void check_completed(const history_event& e) {
    const auto& a = e.workflow_execution_completed_event_attributes();
    check_command(a.workflow_task_completed_event_id());
    closed_ = true;
    auto result = text_of(a.result());
    expect(result == result_text(view_of(events_)), "has a wrong result: " + result);
  }

  // -- the whole ---------------------------------------------------------------------------------

  void check_end() {
    expect(closed_, "has no end");
    expect(task_scheduled_ == 0, "ends with a workflow task pending");
    expect(activities_.empty(), "ends with an activity pending");
    expect(timer_fired_, "has no timer that fired");
    expect(signals_.size() == static_cast<std::size_t>(plan_.signals), "lacks a signal");
    expect(activity_ids_.size() == (plan_.has_once ? 2U : 1U), "lacks an activity");
  }

  /// Runs the workflow's code again over what it saw at each completion.
  void check_workflow_code() {
    std::map<std::int64_t, std::vector<const history_event*>> written;
    for (const auto& e : events_)
      if (auto id = completion_of(e); id != 0)
        written[id].push_back(&e);
    for (const auto& e : events_) {
      if (e.event_type() != enums::EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
        continue;
      now_ = &e;
      auto saw = e.workflow_task_completed_event_attributes().started_event_id();
      if (saw < 1 || saw > static_cast<std::int64_t>(events_.size()))
        continue;
      auto wanted = next_commands(std::span{events_}.first(static_cast<std::size_t>(saw)));
      const auto& got = written[e.event_id()];
      auto same
        = std::equal(wanted.begin(), wanted.end(), got.begin(), got.end(),
                     [](const command& c, const history_event* event) { return fits(c, *event); });
      expect(same, "brought other commands than its replay gives");
    }
    now_ = nullptr;
  }

  /// The completion whose command made the event; 0: none did.
  static std::int64_t completion_of(const history_event& e) {
    return e.activity_task_scheduled_event_attributes().workflow_task_completed_event_id()
           + e.timer_started_event_attributes().workflow_task_completed_event_id()
           + e.workflow_execution_completed_event_attributes().workflow_task_completed_event_id();
  }

  static bool fits(const command& c, const history_event& e) {
    switch (c.command_type()) {
      case enums::COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK:
        return e.activity_task_scheduled_event_attributes().activity_id()
               == c.schedule_activity_task_command_attributes().activity_id();
      case enums::COMMAND_TYPE_START_TIMER:
        return e.timer_started_event_attributes().timer_id()
               == c.start_timer_command_attributes().timer_id();
      default:
        return e.event_type() == enums::EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED;
    }
  }

  void check_fold() {
    engine::execution x;
    for (const auto& e : events_)
      engine::evolve(x, e);
    auto n = static_cast<std::int64_t>(events_.size());
    expect(x.status() == enums::WORKFLOW_EXECUTION_STATUS_COMPLETED, "does not fold to completed");
    expect(x.next_event_id() == n + 1, "folds to another length");
    expect(x.signal_count() == plan_.signals, "folds to another number of signals");
    expect(x.timers().empty() && x.activities().empty() && !x.has_workflow_task(),
           "folds to something pending");
  }

  const order_plan& plan_;
  const std::vector<history_event>& events_;
  const history_event* now_ = nullptr;
  std::vector<std::string> wrong_;
  time_point last_time_{};
  time_point task_time_{};
  std::int64_t task_scheduled_ = 0;
  std::int64_t task_started_ = 0;
  std::int64_t last_completed_ = 0;
  std::set<std::string> activity_ids_;
  std::map<std::int64_t, open_activity> activities_;
  const history_event* timer_ = nullptr;
  bool timer_fired_ = false;
  std::set<int> signals_;
  bool closed_ = false;
};

} // namespace

std::vector<std::string> check_history(const order_plan& plan,
                                       const std::vector<history_event>& events) {
  return history_checker{plan, events}.run();
}

} // namespace reprise::crash
