#include "bench/support/run_builder.hpp"

#include "bench/support/figures.hpp"
#include "bench/support/requests.hpp"
#include "cli/local_server.hpp"
#include "cluster/node.hpp"
#include "engine/engine.hpp"

#include <algorithm>

namespace reprise::bench {

namespace enums = temporal::api::enums::v1;
namespace service = temporal::api::workflowservice::v1;

namespace {

template <class T>
T must(result<T> r) {
  if (!r)
    fail("bench: " + r.error().message);
  return std::move(*r);
}

time_point now() {
  return system_clock{}.now();
}

} // namespace

store_owner::store_owner(store::store& db) : db_(db) {
  if (auto made = cli::ensure_namespace(db, system_clock{}, {.name = "default"}); !made)
    fail("bench: " + made.error().message);
  epochs_ = must(store::take_everything(db, store::new_incarnation()));
  for (const auto& row : must(db.namespaces()))
    if (row.name == "default")
      ns_ = {.id = row.id, .name = row.name};
}

void store_owner::commit(const std::vector<store::transition>& group) {
  for (auto answer : db_.commit(group))
    if (answer != store::commit_status::committed)
      fail("bench: the store refused a transition");
}

run_builder::run_builder(const store_owner& owner, std::string workflow_id, std::int64_t key,
                         id_source& ids)
  : owner_(owner),
    workflow_id_(std::move(workflow_id)),
    key_(key),
    ids_(ids),
    slot_(store::slot_of(owner.ns().id, machine_kind::workflow, workflow_id_)) {
  constexpr std::size_t signals_max = 1'000'000;
  bounds_.signals_max = signals_max;
}

engine::reply run_builder::apply(cluster::ExecutionRequest request) {
  request.set_namespace_id(owner_.ns().id);
  request.set_namespace_name(owner_.ns().name);
  request.set_workflow_id(workflow_id_);
  std::optional<engine::execution> state;
  if (run_)
    state = std::move(run_->state().as<engine::execution>());
  engine::context c{.now = now(), .ids = ids_, .ns = owner_.ns(), .bounds = bounds_};
  auto done = engine::decide(std::move(state), request, c);
  if (done.answer.failure)
    fail("bench: " + done.answer.failure->message);
  take(done);
  for (auto& task : done.offers)
    offers_.push_back(std::move(task));
  return std::move(done.answer);
}

/// What was written of the run, and of one that follows it, is one transition.
void run_builder::take(engine::step& done) {
  const protocol::search_attribute_types types;
  store::transition t{.slot = slot_, .epoch = owner_.epoch(slot_)};
  if (done.current) {
    run_->state().as<engine::execution>() = std::move(*done.current);
    if (!done.written.empty())
      keep(t, run_->append(std::move(done.written), done.visibility_changed ? &types : nullptr));
  }
  if (done.successor) {
    static constexpr actors::run_bounds bounds;
    auto before = run_ ? std::string{run_->run_id()} : std::string{};
    key_ += run_ ? 1 : 0;
    run_.emplace(*engine::machine_of(machine_kind::workflow),
                 engine::make_run_state(std::move(done.successor->state)), key_, slot_, bounds);
    keep(t, run_->create(std::move(done.successor->written), types));
    t.currents.push_back({.namespace_id = owner_.ns().id,
                          .workflow_id = workflow_id_,
                          .expected_run_id = std::move(before),
                          .run_id = run_->run_id(),
                          .key = key_});
  }
  if (!t.runs.empty())
    made_.push_back(std::move(t));
}

void run_builder::keep(store::transition& t, store::run_write write) {
  // All of the journal stays, so that it can be replayed from its beginning as well.
  write.forget_facts_to.reset();
  write.snap.reset();
  t.runs.push_back(std::move(write));
}

run_builder::run_builder(const store_owner& owner, actors::loaded_run loaded, id_source& ids)
  : run_builder(owner, loaded.head.workflow_id, loaded.head.key, ids) {
  static constexpr actors::run_bounds bounds;
  const auto& kind = *engine::machine_of(machine_kind::workflow);
  for (auto& task : kind.undelivered_tasks(loaded.state, now()))
    offers_.push_back(std::move(task));
  run_.emplace(kind, std::move(loaded), bounds);
}

void run_builder::start(const std::string& queue) {
  cluster::ExecutionRequest request;
  *request.mutable_start() = start_request(queue, workflow_id_);
  apply(std::move(request));
}

void run_builder::signal() {
  cluster::ExecutionRequest request;
  *request.mutable_signal() = signal_request(workflow_id_);
  apply(std::move(request));
}

cluster::Task run_builder::take_offer(cluster::Task::Kind kind) {
  auto found = std::ranges::find(offers_, kind, &cluster::Task::kind);
  if (found == offers_.end())
    fail("bench: no such task was offered");
  auto out = std::move(*found);
  offers_.erase(found);
  return out;
}

cluster::ExecutionRequest run_builder::start_task_request(cluster::Task task, bool activity) const {
  cluster::ExecutionRequest out;
  out.set_run_id(task.run_id());
  auto& start = activity ? *out.mutable_start_activity_task() : *out.mutable_start_workflow_task();
  start.set_identity("bench@worker");
  start.set_request_id("poll-" + std::to_string(run_->head().last_seq));
  start.mutable_task_queue()->set_name(task.task_queue());
  *start.mutable_task() = std::move(task);
  return out;
}

void run_builder::run_workflow_task(
  const std::vector<temporal::api::command::v1::Command>& commands) {
  auto taken = apply(start_task_request(take_offer(cluster::Task::WORKFLOW), false));
  service::PollWorkflowTaskQueueResponse task;
  if (!taken.history || !task.ParseFromString(taken.history->message))
    fail("bench: a workflow task could not be taken");
  cluster::ExecutionRequest request;
  if (!request.mutable_token()->ParseFromString(task.task_token()))
    fail("bench: a token cannot be read");
  auto& complete = *request.mutable_complete_workflow_task();
  complete.set_task_token(task.task_token());
  complete.set_identity("bench@worker");
  complete.mutable_commands()->Assign(commands.begin(), commands.end());
  apply(std::move(request));
}

void run_builder::run_activities() {
  auto is_activity = [](const cluster::Task& t) { return t.kind() == cluster::Task::ACTIVITY; };
  while (std::ranges::any_of(offers_, is_activity)) {
    auto taken = apply(start_task_request(take_offer(cluster::Task::ACTIVITY), true));
    service::PollActivityTaskQueueResponse task;
    cluster::ExecutionRequest request;
    if (!task.ParseFromString(taken.response)
        || !request.mutable_token()->ParseFromString(task.task_token()))
      fail("bench: an activity could not be taken");
    auto& complete = *request.mutable_complete_activity();
    complete.set_task_token(task.task_token());
    complete.set_identity("bench@worker");
    *complete.mutable_result()->add_payloads() = hello();
    apply(std::move(request));
  }
}

void run_builder::add_snapshot() {
  store::transition t{.slot = slot_, .epoch = owner_.epoch(slot_)};
  t.runs.push_back(run_->snapshot_only());
  made_.push_back(std::move(t));
}

std::vector<store::transition> run_builder::take_transitions() {
  return std::exchange(made_, {});
}

temporal::api::command::v1::Command activity_command(const std::string& id) {
  temporal::api::command::v1::Command c;
  c.set_command_type(enums::COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK);
  auto& activity = *c.mutable_schedule_activity_task_command_attributes();
  activity.set_activity_id(id);
  activity.mutable_activity_type()->set_name("echo");
  activity.mutable_task_queue()->set_name("bench");
  activity.mutable_start_to_close_timeout()->set_seconds(60);
  *activity.mutable_input()->add_payloads() = hello();
  return c;
}

} // namespace reprise::bench
