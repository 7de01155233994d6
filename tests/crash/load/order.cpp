#include "tests/crash/load/order.hpp"

#include "base/ids.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <sstream>

namespace reprise::crash {

namespace enums = temporal::api::enums::v1;

namespace {

constexpr int flaky_timeout_ms = 1500;
constexpr int once_timeout_ms = 1500;
constexpr int retry_interval_ms = 50;

void set_ms(google::protobuf::Duration& d, int ms) {
  constexpr int thousand = 1000;
  constexpr int million = 1'000'000;
  d.set_seconds(ms / thousand);
  d.set_nanos(ms % thousand * million);
}

command schedule(const std::string& id, const order_plan& plan, int timeout_ms, int attempts_max) {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK);
  auto& a = *c.mutable_schedule_activity_task_command_attributes();
  a.set_activity_id(id);
  a.mutable_activity_type()->set_name(id);
  a.mutable_task_queue()->set_name(order_queue);
  set_text(*a.mutable_input(), std::to_string(plan.number));
  set_ms(*a.mutable_start_to_close_timeout(), timeout_ms);
  auto& retry = *a.mutable_retry_policy();
  set_ms(*retry.mutable_initial_interval(), retry_interval_ms);
  retry.set_backoff_coefficient(1);
  retry.set_maximum_attempts(attempts_max);
  // Of some orders the worker asks for the task in the answer to its completion.
  a.set_request_eager_execution(plan.number % 4 == 0);
  return c;
}

command start_timer(const order_plan& plan) {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_START_TIMER);
  auto& a = *c.mutable_start_timer_command_attributes();
  a.set_timer_id(timer_id);
  set_ms(*a.mutable_start_to_fire_timeout(), plan.timer_ms);
  return c;
}

command complete(const order_view& view) {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION);
  set_text(*c.mutable_complete_workflow_execution_command_attributes()->mutable_result(),
           result_text(view));
  return c;
}

/// Which activity an event ends, by its scheduled event.
std::string& outcome_at(order_view& view, std::span<const history_event> events,
                        std::int64_t scheduled_event_id) {
  for (const auto& e : events)
    if (e.event_id() == scheduled_event_id
        && e.activity_task_scheduled_event_attributes().activity_id() == once_activity)
      return view.once;
  return view.flaky;
}

void see_scheduled(order_view& view, const history_event& event) {
  const auto& id = event.activity_task_scheduled_event_attributes().activity_id();
  (id == once_activity ? view.once_scheduled : view.flaky_scheduled) = true;
}

} // namespace

std::string order_plan::text() const {
  std::ostringstream out;
  out << number << ' ' << timer_ms << ' ' << signals << ' ' << has_once << ' ' << parallel << ' '
      << by_signal;
  return out.str();
}

order_plan make_plan(std::uint64_t seed, std::uint64_t number) {
  seeded_ids random{seed * 1'000'003 + number};
  constexpr int timer_ms_max = 1500;
  constexpr int signals_max = 5;
  order_plan plan{.number = number};
  plan.timer_ms = static_cast<int>(random.random() % timer_ms_max) + 1;
  plan.signals = static_cast<int>(random.random() % signals_max) + 1;
  plan.has_once = random.random() % 2 == 0;
  plan.parallel = random.random() % 2 == 0;
  plan.by_signal = plan.signals > 1 && random.random() % 3 == 0;
  return plan;
}

std::optional<order_plan> parse_plan(const std::string& text) {
  std::istringstream in{text};
  order_plan plan;
  in >> plan.number >> plan.timer_ms >> plan.signals >> plan.has_once >> plan.parallel
    >> plan.by_signal;
  if (!in)
    return std::nullopt;
  return plan;
}

std::optional<order_plan> plan_of(const history_event& started) {
  return parse_plan(text_of(started.workflow_execution_started_event_attributes().input()));
}

std::optional<std::string> run_activity(const std::string& id, const std::string& input,
                                        int attempt) {
  if (id == flaky_activity && attempt == 1)
    return std::nullopt;
  return id + " " + input + " at attempt " + std::to_string(attempt);
}

order_view view_of(std::span<const history_event> events) {
  order_view view;
  for (const auto& e : events) {
    switch (e.event_type()) {
      case enums::EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
        view.plan = plan_of(e);
        break;
      case enums::EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
        see_scheduled(view, e);
        break;
      case enums::EVENT_TYPE_ACTIVITY_TASK_COMPLETED: {
        const auto& a = e.activity_task_completed_event_attributes();
        outcome_at(view, events, a.scheduled_event_id()) = text_of(a.result());
        break;
      }
      case enums::EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: {
        auto id = e.activity_task_timed_out_event_attributes().scheduled_event_id();
        outcome_at(view, events, id) = lost_text;
        break;
      }
      case enums::EVENT_TYPE_TIMER_STARTED:
        view.timer_started = true;
        break;
      case enums::EVENT_TYPE_TIMER_FIRED:
        view.timer_fired = true;
        break;
      case enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
        view.signals.push_back(
          std::atoi(text_of(e.workflow_execution_signaled_event_attributes().input()).c_str()));
        break;
      default:
        break;
    }
  }
  return view;
}

std::vector<command> next_commands(std::span<const history_event> events) {
  auto view = view_of(events);
  std::vector<command> out;
  if (!view.plan)
    return out;
  const auto& plan = *view.plan;
  if (!view.flaky_scheduled) {
    out.push_back(schedule(flaky_activity, plan, flaky_timeout_ms, 0));
    if (plan.has_once)
      out.push_back(schedule(once_activity, plan, once_timeout_ms, 1));
    if (plan.parallel)
      out.push_back(start_timer(plan));
    return out;
  }
  auto worked = !view.flaky.empty() && (!plan.has_once || !view.once.empty());
  if (worked && !view.timer_started)
    out.push_back(start_timer(plan));
  if (worked && view.timer_fired && view.signals.size() >= static_cast<std::size_t>(plan.signals))
    out.push_back(complete(view));
  return out;
}

std::string result_text(const order_view& view) {
  std::string out = view.flaky + ", " + (view.once.empty() ? "none" : view.once) + ", signals";
  for (auto number : view.signals)
    out += " " + std::to_string(number);
  return out;
}

std::string text_of(const temporal::api::common::v1::Payloads& payloads) {
  return payloads.payloads_size() == 1 ? payloads.payloads(0).data() : std::string{};
}

void set_text(temporal::api::common::v1::Payloads& payloads, const std::string& text) {
  auto& payload = *payloads.add_payloads();
  (*payload.mutable_metadata())["encoding"] = "binary/plain";
  payload.set_data(text);
}

std::uint64_t digest_of(const history_event& event) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream raw{&bytes};
    google::protobuf::io::CodedOutputStream out{&raw};
    // Maps in one order, whoever parsed them.
    out.SetSerializationDeterministic(true);
    event.SerializeToCodedStream(&out);
  }
  return std::hash<std::string>{}(bytes);
}

} // namespace reprise::crash
