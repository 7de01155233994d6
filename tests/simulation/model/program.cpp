#include "tests/simulation/model/program.hpp"

#include "engine/machine/features.hpp"
#include "engine/machine/proto_time.hpp"
#include "tests/simulation/model/client.hpp"

#include <functional>
#include <map>
#include <set>

namespace reprise::simulation {

namespace api = temporal::api;
namespace enums = temporal::api::enums::v1;
using api::command::v1::Command;
using engine::to_proto;

namespace {

constexpr int generations_max = 2;

/// What a history says about the steps.
struct facts {
  std::string workflow_id{};
  std::string run_id{};
  int generation = 0;
  std::map<std::string, std::int64_t> activities{};
  std::set<std::int64_t> finished{};
  std::set<std::int64_t> cancels{};
  std::map<std::string, std::int64_t> timers{};
  std::set<std::int64_t> timers_over{};
  std::set<std::string> markers{};
  /// What was asked of other workflows, by step, and what of it has an answer.
  std::map<std::string, std::int64_t> asked{};
  std::set<std::int64_t> asked_over{};
  int upserts = 0;
  int signals = 0;
  bool cancel_requested = false;
  /// Of the task that is worked on.
  time_point now{};
};

void read_start(facts& f, const api::history::v1::WorkflowExecutionStartedEventAttributes& a) {
  f.workflow_id = a.workflow_id();
  f.run_id = a.original_execution_run_id();
  if (a.input().payloads_size() > 0)
    f.generation = std::atoi(a.input().payloads(0).data().c_str());
}

/// Events of what a workflow asks of others.
void read_external(facts& f, const api::history::v1::HistoryEvent& e) {
  switch (e.event_type()) {
    case enums::EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
      f.asked[e.signal_external_workflow_execution_initiated_event_attributes().control()]
        = e.event_id();
      break;
    case enums::EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
      f.asked[e.request_cancel_external_workflow_execution_initiated_event_attributes().control()]
        = e.event_id();
      break;
    case enums::EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
      f.asked[e.start_child_workflow_execution_initiated_event_attributes().control()]
        = e.event_id();
      break;
    case enums::EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED:
    case enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED:
    case enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED:
    case enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED:
    case enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT:
    case enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED:
      f.asked_over.insert(engine::rule_of(e.event_type()).asked_for_by(e));
      break;
    case enums::EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED:
      f.asked_over.insert(
        e.signal_external_workflow_execution_failed_event_attributes().initiated_event_id());
      break;
    case enums::EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED:
      f.asked_over.insert(
        e.external_workflow_execution_signaled_event_attributes().initiated_event_id());
      break;
    case enums::EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED:
      f.asked_over.insert(e.request_cancel_external_workflow_execution_failed_event_attributes()
                            .initiated_event_id());
      break;
    case enums::EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
      f.asked_over.insert(
        e.external_workflow_execution_cancel_requested_event_attributes().initiated_event_id());
      break;
    default:
      break;
  }
}

facts read(const history& events) {
  facts f;
  for (const auto& e : events) {
    read_external(f, e);
    switch (e.event_type()) {
      case enums::EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
        read_start(f, e.workflow_execution_started_event_attributes());
        break;
      case enums::EVENT_TYPE_WORKFLOW_TASK_STARTED:
        f.now = engine::from_proto(e.event_time());
        break;
      // Behind a reset the code is another run's.
      case enums::EVENT_TYPE_WORKFLOW_TASK_FAILED:
        if (const auto& id = e.workflow_task_failed_event_attributes().new_run_id(); !id.empty())
          f.run_id = id;
        break;
      case enums::EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
        f.activities[e.activity_task_scheduled_event_attributes().activity_id()] = e.event_id();
        break;
      case enums::EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED:
        f.cancels.insert(e.activity_task_cancel_requested_event_attributes().scheduled_event_id());
        break;
      case enums::EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
        f.finished.insert(e.activity_task_completed_event_attributes().scheduled_event_id());
        break;
      case enums::EVENT_TYPE_ACTIVITY_TASK_FAILED:
        f.finished.insert(e.activity_task_failed_event_attributes().scheduled_event_id());
        break;
      case enums::EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
        f.finished.insert(e.activity_task_timed_out_event_attributes().scheduled_event_id());
        break;
      case enums::EVENT_TYPE_ACTIVITY_TASK_CANCELED:
        f.finished.insert(e.activity_task_canceled_event_attributes().scheduled_event_id());
        break;
      case enums::EVENT_TYPE_TIMER_STARTED:
        f.timers[e.timer_started_event_attributes().timer_id()] = e.event_id();
        break;
      case enums::EVENT_TYPE_TIMER_FIRED:
        f.timers_over.insert(e.timer_fired_event_attributes().started_event_id());
        break;
      case enums::EVENT_TYPE_TIMER_CANCELED:
        f.timers_over.insert(e.timer_canceled_event_attributes().started_event_id());
        break;
      case enums::EVENT_TYPE_MARKER_RECORDED:
        f.markers.insert(e.marker_recorded_event_attributes().marker_name());
        break;
      case enums::EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
        ++f.upserts;
        break;
      case enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
        ++f.signals;
        break;
      case enums::EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
        f.cancel_requested = true;
        break;
      default:
        break;
    }
  }
  return f;
}

/// Goes through the steps as a workflow's code would, and collects what it wants.
class player {
public:
  player(facts f, std::uint64_t seed, bool tells_time)
    : f_(std::move(f)),
      tells_time_(tells_time),
      what_(make_program(seed, f_.workflow_id, f_.generation)),
      random_(seed ^ std::hash<std::string>{}(f_.workflow_id)
              ^ static_cast<std::uint64_t>(f_.generation + 77)) {
  }

  std::vector<Command> play() {
    if (f_.cancel_requested) {
      add(enums::COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION)
        .mutable_cancel_workflow_execution_command_attributes();
      return std::move(out_);
    }
    auto upserts = 0;
    auto signals = 0;
    for (std::size_t i = 0; i < what_.steps.size(); ++i)
      if (!play_step(what_.steps[i], "s" + std::to_string(i), upserts, signals))
        return std::move(out_);
    end();
    return std::move(out_);
  }

private:
  /// True when the code goes on behind it.
  bool play_step(program::step s, const std::string& name, int& upserts, int& signals) {
    switch (s) {
      case program::step::activity:
        return activity(name, 0);
      case program::step::single_attempt:
        return activity(name, 1);
      case program::step::two_activities: {
        auto first = activity(name + "a", 0);
        auto second = activity(name + "b", 1);
        return first && second;
      }
      case program::step::timer:
        return timer(name, 1 + random_.below(40));
      case program::step::signal:
        return f_.signals >= ++signals;
      case program::step::marker:
        marker(name);
        return true;
      case program::step::upsert:
        if (f_.upserts < ++upserts)
          upsert(name);
        return true;
      case program::step::cancelled_activity:
        return cancelled_activity(name);
      case program::step::cancelled_timer:
        return cancelled_timer(name);
      case program::step::signal_other:
        return signal_other(name);
      case program::step::cancel_other:
        // Seldom: whoever is asked ends.
        return random_.chance(700) || cancel_other(name);
      case program::step::child:
        return child(name);
    }
    return true;
  }

  Command& add(enums::CommandType type) {
    out_.emplace_back();
    out_.back().set_command_type(type);
    return out_.back();
  }

  bool activity(const std::string& name, int attempts) {
    auto heartbeat = random_.chance(300);
    auto eager = random_.chance(200);
    if (auto known = f_.activities.find(name); known != f_.activities.end())
      return f_.finished.contains(known->second);
    auto& a = *add(enums::COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK)
                 .mutable_schedule_activity_task_command_attributes();
    a.set_activity_id(name);
    a.mutable_activity_type()->set_name("work");
    a.mutable_task_queue()->set_name("queue");
    a.set_request_eager_execution(eager);
    *a.mutable_start_to_close_timeout() = to_proto(duration{20s});
    if (heartbeat)
      *a.mutable_heartbeat_timeout() = to_proto(duration{5s});
    auto& retry = *a.mutable_retry_policy();
    *retry.mutable_initial_interval() = to_proto(duration{1s});
    *retry.mutable_maximum_interval() = to_proto(duration{10s});
    retry.set_backoff_coefficient(2);
    retry.set_maximum_attempts(attempts);
    return false;
  }

  bool timer(const std::string& name, int seconds) {
    if (auto known = f_.timers.find(name); known != f_.timers.end())
      return f_.timers_over.contains(known->second);
    auto& a = *add(enums::COMMAND_TYPE_START_TIMER).mutable_start_timer_command_attributes();
    a.set_timer_id(name);
    *a.mutable_start_to_fire_timeout() = to_proto(duration{std::chrono::seconds{seconds}});
    return false;
  }

  const std::string& another() {
    const auto& ids = workflow_ids();
    return ids[static_cast<std::size_t>(random_.below(static_cast<int>(ids.size())))];
  }

  bool signal_other(const std::string& name) {
    const auto& to = another();
    if (auto known = f_.asked.find(name); known != f_.asked.end())
      return f_.asked_over.contains(known->second);
    auto& a = *add(enums::COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION)
                 .mutable_signal_external_workflow_execution_command_attributes();
    a.mutable_execution()->set_workflow_id(to);
    auto when = tells_time_ ? " at " + std::to_string(f_.now.time_since_epoch().count()) : "";
    a.set_signal_name("from " + f_.run_id + " " + name + when);
    a.set_control(name);
    return false;
  }

  /// Some children share their id with those of other runs of their parent.
  bool child(const std::string& name) {
    auto shares = random_.chance(300);
    auto policy = random_.pick<enums::ParentClosePolicy>({enums::PARENT_CLOSE_POLICY_TERMINATE,
                                                          enums::PARENT_CLOSE_POLICY_REQUEST_CANCEL,
                                                          enums::PARENT_CLOSE_POLICY_ABANDON});
    // Generations end here.
    if (f_.workflow_id.starts_with("child"))
      return true;
    if (auto known = f_.asked.find(name); known != f_.asked.end())
      return f_.asked_over.contains(known->second);
    auto& a = *add(enums::COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION)
                 .mutable_start_child_workflow_execution_command_attributes();
    a.set_workflow_id("child of " + (shares ? f_.workflow_id : f_.run_id) + " " + name);
    a.mutable_workflow_type()->set_name("type");
    a.mutable_task_queue()->set_name("queue");
    *a.mutable_input() = input_of(0);
    a.set_parent_close_policy(policy);
    a.set_control(name);
    return false;
  }

  bool cancel_other(const std::string& name) {
    const auto& to = another();
    if (auto known = f_.asked.find(name); known != f_.asked.end())
      return f_.asked_over.contains(known->second);
    auto& a = *add(enums::COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION)
                 .mutable_request_cancel_external_workflow_execution_command_attributes();
    a.set_workflow_id(to);
    a.set_control(name);
    return false;
  }

  void marker(const std::string& name) {
    if (!f_.markers.contains(name))
      add(enums::COMMAND_TYPE_RECORD_MARKER)
        .mutable_record_marker_command_attributes()
        ->set_marker_name(name);
  }

  void upsert(const std::string& name) {
    auto& fields = *add(enums::COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES)
                      .mutable_upsert_workflow_search_attributes_command_attributes()
                      ->mutable_search_attributes()
                      ->mutable_indexed_fields();
    auto& value = fields["Tag"];
    (*value.mutable_metadata())["encoding"] = "json/plain";
    value.set_data("\"" + name + "\"");
  }

  bool cancelled_activity(const std::string& name) {
    auto over = activity(name, 0);
    auto waited = timer(name + "t", 2);
    auto scheduled = f_.activities.find(name);
    if (waited && !over && scheduled != f_.activities.end()
        && !f_.cancels.contains(scheduled->second))
      add(enums::COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK)
        .mutable_request_cancel_activity_task_command_attributes()
        ->set_scheduled_event_id(scheduled->second);
    return over && waited;
  }

  /// A long timer beside a short one; the short one ends both.
  bool cancelled_timer(const std::string& name) {
    auto long_over = timer(name + "l", 3600);
    auto short_over = timer(name + "s", 3);
    if (short_over && !long_over)
      add(enums::COMMAND_TYPE_CANCEL_TIMER)
        .mutable_cancel_timer_command_attributes()
        ->set_timer_id(name + "l");
    return short_over;
  }

  void end() {
    if (what_.end == program::ending::go_on) {
      auto& a = *add(enums::COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION)
                   .mutable_continue_as_new_workflow_execution_command_attributes();
      a.mutable_workflow_type()->set_name("type");
      a.mutable_task_queue()->set_name("queue");
      *a.mutable_input() = input_of(f_.generation + 1);
    } else if (what_.end == program::ending::fail) {
      auto& failure = *add(enums::COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION)
                         .mutable_fail_workflow_execution_command_attributes()
                         ->mutable_failure();
      failure.set_message("as planned");
      failure.mutable_application_failure_info()->set_type("planned");
    } else {
      *add(enums::COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION)
         .mutable_complete_workflow_execution_command_attributes()
         ->mutable_result()
        = input_of(f_.generation);
    }
  }

  facts f_;
  bool tells_time_;
  program what_;
  dice random_;
  std::vector<Command> out_;
};

} // namespace

program make_program(std::uint64_t seed, const std::string& workflow_id, int generation) {
  dice random{seed ^ std::hash<std::string>{}(workflow_id)
              ^ (static_cast<std::uint64_t>(generation) << 32U)};
  program out{.generation = generation};
  constexpr int kinds = static_cast<int>(program::step::child) + 1;
  for (int n = 1 + random.below(5); n > 0; --n)
    out.steps.push_back(static_cast<program::step>(random.below(kinds)));
  if (generation < generations_max && random.chance(250))
    out.end = program::ending::go_on;
  else if (random.chance(200))
    out.end = program::ending::fail;
  return out;
}

std::vector<Command> commands_for(std::uint64_t seed, const history& events, bool tells_time) {
  return player{read(events), seed, tells_time}.play();
}

api::common::v1::Payloads input_of(int generation) {
  api::common::v1::Payloads out;
  auto& p = *out.add_payloads();
  (*p.mutable_metadata())["encoding"] = "json/plain";
  p.set_data(std::to_string(generation));
  return out;
}

} // namespace reprise::simulation
