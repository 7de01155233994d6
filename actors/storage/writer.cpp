#include "actors/storage/writer.hpp"

#include "actors/storage/commit_window.hpp"
#include "base/log.hpp"

#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <exception>
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
      window_(limits.window_appends,
              std::chrono::duration_cast<commit_window::clock::duration>(limits.window)),
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
    ++taken_;
    pending_.push_back(std::move(x));
    if (flush_sent_)
      return;
    flush_sent_ = true;
    send(this, flush_atom_v);
  }

  void on_flush() {
    if (detached_ && !has_waited_ && wait_for_company()) {
      // Behind those that came meanwhile.
      has_waited_ = true;
      send(this, flush_atom_v);
      return;
    }
    flush_sent_ = has_waited_ = false;
    while (!pending_.empty())
      commit_group();
  }

  /// False when there was nothing to wait for. Appends that arrive meanwhile lie in the mailbox,
  /// which wakes nobody; so the sleep has parts, and a look between them. Real time: it is about
  /// the machine's work, not about the clock of the workflows.
  bool wait_for_company() {
    constexpr int parts = 4;
    auto waited = false;
    for (;; waited = true) {
      auto now = commit_window::clock::now();
      auto opens = window_.opens(waiting(),
                                 shared_.calls_under_way.load(std::memory_order_relaxed));
      if (now >= opens)
        return waited;
      std::this_thread::sleep_for(std::min(opens - now, window_.length() / parts));
    }
  }

  /// Appends that lie here or in the mailbox.
  std::size_t waiting() const {
    return pending_.size() + (shared_.appends_sent.load(std::memory_order_relaxed) - taken_);
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
    window_.begins(commit_window::clock::now(), group_.size());
    auto begun = shared_.time.boot_time();
    auto statuses = commit_writes();
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

  /// What was thrown at the store leaves the outcome unknown: its slots find out, or fence it.
  std::vector<commit_status> commit_writes() {
    try {
      shared_.allocate(allocation::commit);
      auto statuses = shared_.db.commit(writes_);
      shared_.allocate(allocation::committed);
      return statuses;
    } catch (...) {
      log_thrown(log_level::error, "a commit failed");
      return {};
    }
  }

  /// One message for each slot, its outcomes chained in the order of their appends.
  void send_results() {
    shared_.appends_done.fetch_add(finished_.size(), std::memory_order_release);
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
        send(shared_.slots[slot].get(), result_atom_v, std::move(x));
      }
    finished_.clear();
  }

  services& shared_;
  group_limits limits_;
  commit_window window_;
  bool detached_;
  bool flush_sent_ = false;
  bool has_waited_ = false;
  /// Of all appends that were sent.
  std::uint64_t taken_ = 0;
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
