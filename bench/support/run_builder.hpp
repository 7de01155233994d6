#pragma once

#include "actors/run/hosted_run.hpp"
#include "actors/run/loader.hpp"
#include "base/ids.hpp"
#include "engine/engine.hpp"
#include "engine/machine/context.hpp"
#include "store/store.hpp"

#include <deque>
#include <string>
#include <vector>

namespace reprise::bench {

/// A store's slots, taken as a server takes them; commits or fails the program.
class store_owner {
public:
  explicit store_owner(store::store& db);

  store::epoch_number epoch(store::slot_id slot) const {
    return epochs_[slot];
  }

  void commit(const std::vector<store::transition>& group);

  /// The namespace "default", which is made when it is absent.
  const engine::namespace_facts& ns() const noexcept {
    return ns_;
  }

private:
  store::store& db_;
  std::vector<store::epoch_number> epochs_{};
  engine::namespace_facts ns_{};
};

/// Makes one run by the engine's own decisions, each of them a transition to commit, with no server
/// and no actors in between: histories of any length, and any number of workflows, in little time.
class run_builder {
public:
  run_builder(const store_owner& owner, std::string workflow_id, std::int64_t key, id_source& ids);

  /// Goes on with a run that was loaded.
  run_builder(const store_owner& owner, actors::loaded_run loaded, id_source& ids);

  void start(const std::string& queue);
  void signal();
  /// A worker takes the workflow task that was offered and answers it with these.
  void run_workflow_task(const std::vector<temporal::api::command::v1::Command>& commands);
  /// A worker takes all activities that were offered and completes them.
  void run_activities();
  void add_snapshot();

  /// What was written since the last call, in order.
  std::vector<store::transition> take_transitions();

  const actors::hosted_run& run() const {
    return *run_;
  }

private:
  engine::reply apply(cluster::ExecutionRequest request);
  void take(engine::step& done);
  static void keep(store::transition& t, store::run_write write);
  cluster::ExecutionRequest start_task_request(cluster::Task task, bool activity) const;
  cluster::Task take_offer(cluster::Task::Kind kind);

  const store_owner& owner_;
  std::string workflow_id_;
  std::int64_t key_;
  id_source& ids_;
  store::slot_id slot_;
  engine::limits bounds_{};
  std::optional<actors::hosted_run> run_{};
  std::deque<cluster::Task> offers_{};
  std::vector<store::transition> made_{};
};

temporal::api::command::v1::Command activity_command(const std::string& id);

} // namespace reprise::bench
