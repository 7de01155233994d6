#pragma once

#include "protocol/cluster.pb.h"
#include "tests/simulation/model/universe.hpp"

#include <caf/actor_system.hpp>
#include <caf/detail/test_actor_clock.hpp>
#include <caf/resumable.hpp>

#include <cstdint>
#include <utility>
#include <vector>

namespace reprise::actors {
struct services;
} // namespace reprise::actors

namespace reprise::simulation {

/// A message within the server that does not arrive, or a rule of messages that the server does not
/// keep. No server is so: whoever plants it asks whether the judges see what comes of it.
enum class loss : std::uint8_t {
  none,
  /// Time has come, and a slot (or the timer) is not told.
  wake,
  /// An execution shows a task to a queue that does not hear of it.
  offer,
  /// A queue gives a task to a waiting worker, and the task's slot does not hear of it.
  handout,
  /// A message to another workflow; and no copy of any arrives either.
  message,
  /// Most answers to messages, as long as anything goes wrong: that breaks no rule, they come
  /// again.
  answer,
  /// Likewise, and inboxes are those of runs: another run of the same id knows nothing of them.
  inbox_of_run,
  /// Messages are known by run and number alone, on a store that loses what runs asked of others.
  word,
};

/// What is to be lost, and when: the next such message, whenever it is armed; of the last three
/// kinds, always.
struct loss_plan {
  loss what = loss::none;
  bool armed = false;
  /// It was armed once.
  bool planted = false;
  int lost = 0;
  /// Nothing goes wrong any more but for the rule that is not kept.
  bool is_fair = false;
};

/// Loses messages of one process by plan; between the server's actors and what runs them, so that
/// the server knows nothing of it.
class losses {
public:
  using schedule = caf::detail::simple_actor_clock::schedule_map;

  losses(universe& all, loss_plan& plan, caf::actor_system& system);

  /// Before the server's first offer.
  void begin(actors::services& shared);
  /// Takes the next wake out of what becomes due until `now`.
  void before_time(schedule& waiting, caf::actor_clock::time_point now);

  /// Runs an actor's job; the slots that a queue sends to are others meanwhile.
  template <class F>
  void around_job(caf::resumable* job, F run) {
    auto swaps = (plan_.what == loss::handout && plan_.armed && is_queue(job))
                 || (plan_.what == loss::message && plan_.planted && is_slot(job))
                 || (loses_answers() && shared_ != nullptr && is_slot(job));
    if (swaps)
      exchange_slots();
    run();
    if (swaps)
      exchange_slots();
  }

private:
  static bool is_queue(caf::resumable* job);
  static bool is_slot(caf::resumable* job);

  bool loses_answers() const noexcept {
    return plan_.what == loss::answer || plan_.what == loss::inbox_of_run;
  }

  bool loses(const cluster::ExecutionRequest& request);
  bool takes_wakes(const caf::strong_actor_ptr& who) const;
  void exchange_slots();
  void note(const char* text);

  universe& all_;
  loss_plan& plan_;
  caf::actor_system& system_;
  actors::services* shared_ = nullptr;

  /// Stands before a slot while others send to it.
  struct stand_in {
    std::size_t number = 0;
    caf::strong_actor_ptr actor{};
    /// The slot; another after a death.
    caf::strong_actor_ptr real{};
  };

  void spawn_stand_ins();

  std::vector<stand_in> stand_ins_;
  bool are_exchanged_ = false;
};

} // namespace reprise::simulation
