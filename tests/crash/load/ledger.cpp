#include "tests/crash/load/ledger.hpp"

#include "engine/machine/proto_time.hpp"
#include "tests/crash/load/history_checks.hpp"

#include <algorithm>
#include <sstream>

namespace reprise::crash {

namespace enums = temporal::api::enums::v1;

namespace {

/// A workflow task that is not over may be shown without being in the journal: a transient attempt,
/// or a start that is not durable yet.
std::span<const history_event> without_open_task(std::span<const history_event> events) {
  auto ends_with = [&events](enums::EventType type) {
    return !events.empty() && events.back().event_type() == type;
  };
  if (ends_with(enums::EVENT_TYPE_WORKFLOW_TASK_STARTED))
    events = events.first(events.size() - 1);
  if (ends_with(enums::EVENT_TYPE_WORKFLOW_TASK_SCHEDULED))
    events = events.first(events.size() - 1);
  return events;
}

} // namespace

// -- what was acknowledged -----------------------------------------------------------------------

void ledger::add(const order_plan& plan) {
  std::lock_guard lock{mutex_};
  open_[plan.workflow_id()].plan = plan;
}

ledger::open_order* ledger::find(const std::string& workflow_id) {
  auto found = open_.find(workflow_id);
  return found == open_.end() ? nullptr : &found->second;
}

void ledger::note(const std::string& text) {
  constexpr std::size_t most = 20;
  if (violations_.size() < most)
    violations_.push_back(text);
}

void ledger::note_acknowledged() {
  acknowledged_.fetch_add(1);
  if (marked_ && !first_acknowledged_)
    first_acknowledged_ = std::chrono::steady_clock::now();
}

void ledger::start_acknowledged(const order_plan& plan, const std::string& run_id) {
  std::lock_guard lock{mutex_};
  note_acknowledged();
  auto id = plan.workflow_id();
  auto* order = find(id);
  auto& known = order != nullptr ? order->run_id : finished_[id].run_id;
  if (known.empty())
    known = run_id;
  if (run_id.empty() || known != run_id)
    note(id + ": a repeated start answered run " + run_id + " instead of " + known);
}

void ledger::signal_acknowledged(const std::string& workflow_id, int number) {
  std::lock_guard lock{mutex_};
  note_acknowledged();
  if (auto* order = find(workflow_id))
    order->signals.insert(number);
}

void ledger::task_acknowledged(const std::string& workflow_id, std::int64_t started_event_id) {
  std::lock_guard lock{mutex_};
  if (auto* order = find(workflow_id))
    order->tasks.insert(started_event_id);
}

void ledger::activity_handed_out(const std::string& workflow_id, const std::string& activity_id,
                                 int attempt) {
  std::lock_guard lock{mutex_};
  auto* order = find(workflow_id);
  auto what = workflow_id + ": attempt " + std::to_string(attempt) + " of activity " + activity_id;
  if (order == nullptr)
    note(what + " was handed out behind the end");
  else if (!order->attempts.insert({activity_id, attempt}).second)
    note(what + " was handed out twice");
}

void ledger::activity_acknowledged(const std::string& workflow_id, const std::string& activity_id,
                                   const std::string& result) {
  std::lock_guard lock{mutex_};
  if (auto* order = find(workflow_id))
    order->results[activity_id] = result;
}

void ledger::saw(const std::string& workflow_id, std::span<const history_event> events) {
  std::lock_guard lock{mutex_};
  if (auto* order = find(workflow_id))
    check_seen(*order, without_open_task(events));
}

void ledger::wrong(std::string text) {
  std::lock_guard lock{mutex_};
  note(text);
}

// -- what is checked -----------------------------------------------------------------------------

void ledger::check_seen(open_order& order, std::span<const history_event> events) {
  auto now = std::chrono::system_clock::now();
  auto& seen = order.seen;
  for (std::size_t i = 0; i < events.size(); ++i) {
    // A worker is shown the events of a later attempt before they are written, which gives them
    // their number among all.
    auto event = events[i];
    event.clear_task_id();
    auto digest = digest_of(event);
    auto where = order.plan.workflow_id() + ": event " + std::to_string(i + 1);
    if (i < seen.size()) {
      if (seen[i] != digest)
        return note(where + " was another one when it was read before; now\n" + print(events));
      continue;
    }
    if (engine::from_proto(events[i].event_time()) > now)
      note(where + " has a time to come");
    seen.push_back(digest);
  }
}

void ledger::check_acknowledged(const open_order& order, const std::vector<history_event>& events) {
  std::set<int> signals;
  std::set<std::int64_t> tasks;
  std::map<std::string, std::string> results;
  for (const auto& e : events) {
    if (e.has_workflow_execution_signaled_event_attributes())
      signals.insert(
        std::atoi(text_of(e.workflow_execution_signaled_event_attributes().input()).c_str()));
    if (e.has_workflow_task_completed_event_attributes())
      tasks.insert(e.workflow_task_completed_event_attributes().started_event_id());
    if (e.has_activity_task_completed_event_attributes()) {
      const auto& a = e.activity_task_completed_event_attributes();
      const auto& scheduled = events[static_cast<std::size_t>(a.scheduled_event_id() - 1)];
      results[scheduled.activity_task_scheduled_event_attributes().activity_id()]
        = text_of(a.result());
    }
  }
  auto id = order.plan.workflow_id();
  if (!std::ranges::includes(signals, order.signals))
    note(id + ": an acknowledged signal is lost\n" + print(events));
  if (!std::ranges::includes(tasks, order.tasks))
    note(id + ": an acknowledged completion of a workflow task is lost\n" + print(events));
  if (!std::ranges::includes(results, order.results))
    note(id + ": an acknowledged activity result is lost\n" + print(events));
}

void ledger::finish(const order_plan& plan, const std::vector<history_event>& events) {
  auto wrong_rules = check_history(plan, events);
  std::lock_guard lock{mutex_};
  auto id = plan.workflow_id();
  auto found = open_.find(id);
  if (found == open_.end())
    return note(id + " finished twice");
  auto& order = found->second;
  for (const auto& text : wrong_rules)
    note(id + ": " + text + "\n" + print(events));
  // With a broken history the rest would only repeat it.
  if (wrong_rules.empty()) {
    check_seen(order, events);
    if (order.seen.size() > events.size())
      note(id + ": events that were read are gone\n" + print(events));
    check_acknowledged(order, events);
  }
  auto& done = finished_[id];
  done.run_id = order.run_id;
  for (const auto& e : events)
    done.digests.push_back(digest_of(e));
  open_.erase(found);
}

std::map<std::string, ledger::finished_order> ledger::finished() const {
  std::lock_guard lock{mutex_};
  return finished_;
}

std::vector<order_plan> ledger::unfinished() const {
  std::lock_guard lock{mutex_};
  std::vector<order_plan> out;
  for (const auto& [id, order] : open_)
    out.push_back(order.plan);
  return out;
}

std::vector<std::string> ledger::violations() const {
  std::lock_guard lock{mutex_};
  return violations_;
}

std::size_t ledger::finished_count() const {
  std::lock_guard lock{mutex_};
  return finished_.size();
}

std::size_t ledger::unfinished_count() const {
  std::lock_guard lock{mutex_};
  return open_.size();
}

void ledger::mark() {
  std::lock_guard lock{mutex_};
  marked_ = true;
  first_acknowledged_.reset();
}

std::optional<std::chrono::steady_clock::time_point> ledger::first_acknowledged() const {
  std::lock_guard lock{mutex_};
  return first_acknowledged_;
}

std::string print(std::span<const history_event> events) {
  std::ostringstream out;
  for (const auto& e : events)
    out << "  " << e.ShortDebugString() << '\n';
  return out.str();
}

} // namespace reprise::crash
