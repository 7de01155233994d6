// The judges judged: each rule of the crash tests is shown a history that breaks it.
#include "engine/machine/proto_time.hpp"
#include "tests/crash/load/history_checks.hpp"
#include "tests/crash/load/ledger.hpp"

#include <doctest/doctest.h>

#include <functional>

using namespace reprise;
using namespace reprise::crash;
namespace enums = temporal::api::enums::v1;

namespace {

constexpr order_plan plan{.number = 7, .timer_ms = 500, .signals = 2, .has_once = true};

/// Events a second apart.
class history {
public:
  history_event& add(enums::EventType type) {
    auto& e = events.emplace_back();
    e.set_event_id(static_cast<std::int64_t>(events.size()));
    e.set_event_type(type);
    e.mutable_event_time()->set_seconds(1'000 + e.event_id());
    return e;
  }

  void scheduled() {
    add(enums::EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
      .mutable_workflow_task_scheduled_event_attributes();
  }

  /// From the start of the pending workflow task to its completion.
  void worked() {
    auto id = static_cast<std::int64_t>(events.size());
    add(enums::EVENT_TYPE_WORKFLOW_TASK_STARTED)
      .mutable_workflow_task_started_event_attributes()
      ->set_scheduled_event_id(id);
    auto& a = *add(enums::EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
                 .mutable_workflow_task_completed_event_attributes();
    a.set_scheduled_event_id(id);
    a.set_started_event_id(id + 1);
    completed_ = id + 2;
  }

  void activity(const char* id) {
    auto& a = *add(enums::EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
                 .mutable_activity_task_scheduled_event_attributes();
    a.set_activity_id(id);
    set_text(*a.mutable_input(), "7");
    a.set_workflow_task_completed_event_id(completed_);
  }

  void activity_done(const char* id, std::int64_t scheduled_event_id, int attempt) {
    auto& started = *add(enums::EVENT_TYPE_ACTIVITY_TASK_STARTED)
                       .mutable_activity_task_started_event_attributes();
    started.set_scheduled_event_id(scheduled_event_id);
    started.set_attempt(attempt);
    if (attempt > 1)
      started.mutable_last_failure()->set_message("first");
    auto& done = *add(enums::EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
                    .mutable_activity_task_completed_event_attributes();
    done.set_scheduled_event_id(scheduled_event_id);
    done.set_started_event_id(static_cast<std::int64_t>(events.size()) - 1);
    set_text(*done.mutable_result(), *run_activity(id, "7", attempt));
  }

  void signal(int number) {
    set_text(*add(enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)
                .mutable_workflow_execution_signaled_event_attributes()
                ->mutable_input(),
             std::to_string(number));
  }

  void timer_started() {
    auto& a = *add(enums::EVENT_TYPE_TIMER_STARTED).mutable_timer_started_event_attributes();
    a.set_timer_id(timer_id);
    a.mutable_start_to_fire_timeout()->set_nanos(500'000'000);
    a.set_workflow_task_completed_event_id(completed_);
  }

  void timer_fired() {
    auto id = static_cast<std::int64_t>(events.size());
    auto& a = *add(enums::EVENT_TYPE_TIMER_FIRED).mutable_timer_fired_event_attributes();
    a.set_timer_id(timer_id);
    a.set_started_event_id(id);
  }

  void closed() {
    auto& a = *add(enums::EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED)
                 .mutable_workflow_execution_completed_event_attributes();
    a.set_workflow_task_completed_event_id(completed_);
    set_text(*a.mutable_result(), result_text(view_of(events)));
  }

  std::vector<history_event> events;

private:
  std::int64_t completed_ = 0;
};

/// A run of the plan from start to end; 24 events.
std::vector<history_event> good_history() {
  history h;
  set_text(*h.add(enums::EVENT_TYPE_WORKFLOW_EXECUTION_STARTED)
              .mutable_workflow_execution_started_event_attributes()
              ->mutable_input(),
           plan.text());
  h.scheduled();
  h.worked();
  h.activity(flaky_activity);
  h.activity(once_activity);
  h.activity_done(once_activity, 6, 1);
  h.signal(1);
  h.scheduled();
  h.worked();
  h.activity_done(flaky_activity, 5, 2);
  h.scheduled();
  h.worked();
  h.timer_started();
  h.timer_fired();
  h.signal(0);
  h.scheduled();
  h.worked();
  h.closed();
  return h.events;
}

history_event& find(std::vector<history_event>& events, enums::EventType type, int nth = 1) {
  for (auto& e : events)
    if (e.event_type() == type && --nth == 0)
      return e;
  FAIL("no such event");
  return events.front();
}

/// Whether the rules object to the good history once it is changed so.
bool is_refused(const std::function<void(std::vector<history_event>&)>& change) {
  auto events = good_history();
  change(events);
  return !check_history(plan, events).empty();
}

/// The violations of a ledger to which the good history is the end of its only order.
std::vector<std::string> judged(const std::function<void(ledger&, const std::string&)>& before) {
  ledger book;
  book.add(plan);
  book.start_acknowledged(plan, "run");
  before(book, plan.workflow_id());
  book.finish(plan, good_history());
  return book.violations();
}

} // namespace

TEST_CASE("a good history breaks no rule") {
  auto events = good_history();
  for (const auto& text : check_history(plan, events))
    FAIL_CHECK(text);
  CHECK(judged([](ledger&, const std::string&) {}).empty());
}

TEST_CASE("every rule of a history refuses one that breaks it") {
  using events = std::vector<history_event>;
  CHECK(is_refused([](events& h) { h.erase(h.begin() + 10); }));
  CHECK(is_refused([](events& h) { h.pop_back(); }));
  CHECK(is_refused([](events& h) { h.push_back(h.back()); }));
  CHECK(is_refused([](events& h) { std::swap(h[4], h[5]); }));
  CHECK(is_refused([](events& h) { h[2].mutable_event_time()->set_seconds(7); }));
  CHECK(is_refused([](events& h) {
    auto& fired = find(h, enums::EVENT_TYPE_TIMER_FIRED);
    auto& started = find(h, enums::EVENT_TYPE_TIMER_STARTED);
    auto early = engine::from_proto(started.event_time()) + std::chrono::milliseconds{499};
    *fired.mutable_event_time() = engine::to_proto(early);
  }));
  CHECK(is_refused([](events& h) {
    auto& second = find(h, enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, 2);
    second = find(h, enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, 1);
  }));
  CHECK(is_refused([](events& h) {
    find(h, enums::EVENT_TYPE_ACTIVITY_TASK_STARTED, 2)
      .mutable_activity_task_started_event_attributes()
      ->set_attempt(3);
  }));
  CHECK(is_refused([](events& h) {
    find(h, enums::EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
      .mutable_activity_task_completed_event_attributes()
      ->set_scheduled_event_id(5);
  }));
  CHECK(is_refused([](events& h) {
    find(h, enums::EVENT_TYPE_WORKFLOW_TASK_COMPLETED, 2)
      .mutable_workflow_task_completed_event_attributes()
      ->set_started_event_id(3);
  }));
  CHECK(is_refused([](events& h) {
    auto& a = *h.back().mutable_workflow_execution_completed_event_attributes();
    a.mutable_result()->mutable_payloads(0)->set_data("another");
  }));
  CHECK(is_refused(
    [](events& h) { h[0].mutable_workflow_execution_started_event_attributes()->clear_input(); }));
}

TEST_CASE("the ledger refuses an end that contradicts what was acknowledged") {
  CHECK(judged([](ledger& book, const std::string& id) {
          book.signal_acknowledged(id, 0);
          book.task_acknowledged(id, 3);
          book.activity_acknowledged(id, flaky_activity, "flaky 7 at attempt 2");
          auto events = good_history();
          book.saw(id, std::span{events}.first(8));
          book.activity_handed_out(id, flaky_activity, 1);
          book.activity_handed_out(id, flaky_activity, 2);
        }).empty());
  CHECK(judged([](ledger& book, const std::string& id) { book.signal_acknowledged(id, 2); }).size()
        == 1);
  CHECK(judged([](ledger& book, const std::string& id) { book.task_acknowledged(id, 4); }).size()
        == 1);
  CHECK(judged([](ledger& book, const std::string& id) {
          book.activity_acknowledged(id, flaky_activity, "flaky 7 at attempt 3");
        }).size()
        == 1);
  CHECK(judged([](ledger& book, const std::string& id) {
          auto other = good_history();
          other[6].mutable_event_time()->set_nanos(1);
          book.saw(id, std::span{other}.first(9));
        }).size()
        == 1);
  CHECK(judged([](ledger& book, const std::string& id) {
          auto longer = good_history();
          longer.push_back(longer[8]);
          book.saw(id, longer);
        }).size()
        == 1);
  CHECK(judged([](ledger& book, const std::string& id) {
          book.activity_handed_out(id, once_activity, 1);
          book.activity_handed_out(id, once_activity, 1);
        }).size()
        == 1);
  CHECK(judged([](ledger& book, const std::string&) {
          book.start_acknowledged(plan, "another run");
        }).size()
        == 1);
}

TEST_CASE("an open workflow task that was shown may be gone, nothing before it") {
  auto start_of = [](const char* request_id) {
    auto events = good_history();
    events.resize(3);
    events[2].mutable_workflow_task_started_event_attributes()->set_request_id(request_id);
    return events;
  };
  ledger book;
  book.add(plan);
  book.saw(plan.workflow_id(), start_of("before the crash"));
  book.saw(plan.workflow_id(), start_of("behind it"));
  CHECK(book.violations().empty());
  auto events = good_history();
  book.saw(plan.workflow_id(), std::span{events}.subspan(1));
  CHECK(book.violations().size() == 1);
}
