#include "actors/writer.hpp"

#include "actors/commit_pace.hpp"

#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <deque>
#include <thread>
#include <unordered_map>

namespace reprise::actors {

namespace {

using store::commit_status;

class writer final : public writer_actor::base {
public:
  writer(caf::actor_config& config, services& shared, group_limits limits, bool detached)
    : writer_actor::base(config),
      shared_(shared),
      limits_(limits),
      pace_(limits.pace),
      detached_(detached) {
  }

  behavior_type make_behavior() override {
    return {
      [this](append_atom, outcome_ptr& x) { on_append(x); },
      [this](flush_atom) { on_flush(); },
    };
  }

private:
  void on_append(outcome_ptr& x) {
    pending_.push_back(std::move(x));
    if (flush_sent_)
      return;
    flush_sent_ = true;
    send(this, flush_atom_v);
  }

  void on_flush() {
    flush_sent_ = false;
    while (!pending_.empty())
      commit_group();
    pause();
  }

  /// Appends that arrive meanwhile wait in the mailbox, which wakes nobody. Real time: the pause
  /// is about the machine's work, not about the clock of the workflows.
  void pause() {
    if (detached_)
      std::this_thread::sleep_until(pace_.next());
  }

  void commit_group() {
    group_.clear();
    writes_.clear();
    finished_.clear();
    std::size_t bytes = 0;
    while (!pending_.empty() && group_.size() < limits_.transitions_max
           && (group_.empty() || bytes + pending_.front()->write_bytes <= limits_.bytes_max)) {
      auto x = std::move(pending_.front());
      pending_.pop_front();
      if (x->who && x->who->broken != commit_status::committed) {
        x->status = x->who->broken;
        finished_.push_back(std::move(x));
        continue;
      }
      bytes += x->write_bytes;
      writes_.push_back(std::move(x->write));
      group_.push_back(std::move(x));
    }
    if (!group_.empty())
      commit();
    send_results();
  }

  void commit() {
    pace_.begins(std::chrono::steady_clock::now(), group_.size());
    auto begun = shared_.time.boot_time();
    auto statuses = shared_.db.commit(writes_);
    auto took = shared_.time.boot_time() - begun;
    shared_.watch.group_size.observe(static_cast<double>(group_.size()));
    shared_.watch.commit_seconds.observe(std::chrono::duration<double>(took).count());
    for (std::size_t i = 0; i < group_.size(); ++i) {
      auto& x = group_[i];
      // A store that answers too few statuses has told nothing about the rest.
      x->status = i < statuses.size() ? statuses[i] : commit_status::unknown;
      // Back to where its memory is from: the slot's thread destroys it.
      x->write = std::move(writes_[i]);
      if (x->status == commit_status::committed) {
        shared_.watch.appends.add();
      } else {
        shared_.watch.append_failures.add();
        if (x->who && x->who->broken == commit_status::committed)
          x->who->broken = x->status;
      }
      finished_.push_back(std::move(x));
    }
  }

  /// One message for each slot, its outcomes chained in the order of their appends.
  void send_results() {
    last_of_slot_.clear();
    for (auto& x : finished_) {
      auto& last = last_of_slot_[x->write.slot];
      auto* raw = x.get();
      if (last)
        last->next = std::move(x);
      last = raw;
    }
    for (auto& x : finished_)
      if (x) {
        auto slot = x->write.slot;
        send(shared_.slots[slot], result_atom_v, std::move(x));
      }
    finished_.clear();
  }

  services& shared_;
  group_limits limits_;
  commit_pace pace_;
  bool detached_;
  bool flush_sent_ = false;
  std::deque<outcome_ptr> pending_;
  // Reused from group to group.
  std::vector<outcome_ptr> group_;
  std::vector<store::transition> writes_;
  std::vector<outcome_ptr> finished_;
  std::unordered_map<store::slot_id, outcome*> last_of_slot_;
};

} // namespace

writer_actor spawn_writer(caf::actor_system& system, services& shared, group_limits limits,
                          bool detached) {
  return detached ? system.spawn<writer, caf::detached>(shared, limits, true)
                  : system.spawn<writer>(shared, limits, false);
}

} // namespace reprise::actors
