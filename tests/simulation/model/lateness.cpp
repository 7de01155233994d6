#include "tests/simulation/model/lateness.hpp"

#include "actors/queue/task_buffer.hpp"
#include "engine/child/child.hpp"
#include "engine/engine.hpp"
#include "engine/outbox/outbox.hpp"

namespace reprise::simulation {

void lateness::begin() {
  calm_since_ = all_.now();
  served_by_ = 0;
}

bool lateness::calm() {
  auto* p = servers_.serving_process();
  auto number = p == nullptr ? 0 : p->number();
  if (number == 0 || number != served_by_) {
    served_by_ = number;
    calm_since_ = all_.now();
    standing_.clear();
  }
  return all_.now() >= calm_since_ + back_off;
}

void lateness::check() {
  if (!calm())
    return;
  auto now = all_.server_time().now();
  std::map<std::string, time_point> known;
  auto since = [&](const std::string& key) {
    auto before = standing_.find(key);
    return known[key] = before == standing_.end() ? all_.now() : before->second;
  };
  for (const auto& [run_id, r] : judge_.runs()) {
    if (r.erased || !all_.failure.empty())
      continue;
    if (r.head.timer_at && *r.head.timer_at < now
        && all_.now() >= since(run_id + " timer") + patience)
      all_.fail("a due timer stands: workflow " + r.head.workflow_id + " run " + run_id);
    for (const auto& [number, message] : r.state.outbox())
      if (all_.now() >= since(run_id + " message " + std::to_string(number)) + message_patience)
        all_.fail("a message stands: workflow " + r.head.workflow_id + " run " + run_id);
    if (is_left_behind(r) && all_.now() >= since(run_id + " parent") + message_patience)
      all_.fail("a child is open, whose parent closed: workflow " + r.head.workflow_id + " run "
                + run_id);
    for (const auto& task : engine::undelivered_tasks(r.state, now))
      check_task(run_id, task, since(run_id + " " + actors::task_identity(task)));
  }
  standing_ = std::move(known);
}

/// The run's parent has closed, and wanted its children to end with it.
bool lateness::is_left_behind(const run_record& r) const {
  const auto& started = r.state.started();
  if (!engine::is_open(r.state) || !started.has_parent_workflow_execution())
    return false;
  auto parent = judge_.runs().find(started.parent_workflow_execution().run_id());
  if (parent == judge_.runs().end() || engine::is_open(parent->second.state)
      || engine::has_gone_on_by_reset(parent->second.state))
    return false;
  const auto& children = parent->second.state.children();
  auto child = children.find(started.parent_initiated_event_id());
  return child != children.end()
         && child->second.parent_close_policy()
              == temporal::api::enums::v1::PARENT_CLOSE_POLICY_TERMINATE;
}

void lateness::check_task(const std::string& run_id, const cluster::Task& task, time_point since) {
  if (all_.now() < since + patience)
    return;
  auto kind = task.kind() == cluster::Task::ACTIVITY ? 2 : 1;
  auto which = task.workflow_id() + " run " + run_id + " on queue " + task.task_queue();
  store::queue_key key{
    .namespace_id = task.namespace_id(), .name = task.task_queue(), .kind = kind};
  if (!servers_.serving_process()->server().node().queues().find_known(key) && !few_queues_)
    return all_.fail("a task has no queue: workflow " + which);
  for (const auto& poll : servers_.waiting_polls())
    if (poll.kind == kind && poll.queue == task.task_queue() && all_.now() >= poll.since + patience)
      return all_.fail("a task stands beside an idle worker: workflow " + which);
}

} // namespace reprise::simulation
