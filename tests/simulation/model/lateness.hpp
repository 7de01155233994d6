#pragma once

#include "tests/simulation/model/cluster.hpp"

#include <map>
#include <string>

namespace reprise::simulation {

/// The judge of what does not happen. When all trouble is over, and whoever announced to try again
/// later has had the time for it, nothing may stand that could go on: no deadline that has passed,
/// no task beside a worker that waits for one, no task that no queue knows of.
class lateness {
public:
  /// How long each of them may stand.
  static constexpr duration patience = 2s;
  /// A slot whose execution died a few times in a row, or whose store failed, waits for 10 s at
  /// most; the timer, which was told later again and again, for 32 s.
  static constexpr duration back_off = 35s;
  /// A message without answer comes again after a minute at most, one that had no room a sweep
  /// later.
  static constexpr duration message_patience = 150s;
  static constexpr duration looks_every = 250ms;

  /// `few_queues`: a bound may keep a task from its queue for longer.
  lateness(universe& all, const ledger& judge, cluster_of_processes& servers, bool few_queues)
    : all_(all), judge_(judge), servers_(servers), few_queues_(few_queues) {
  }

  /// The last fault was now.
  void begin();
  void check();
  /// The same process has served long enough for everything that was put off.
  bool calm();

private:
  bool is_left_behind(const run_record& r) const;
  void check_task(const std::string& run_id, const cluster::Task& task, time_point since);

  universe& all_;
  const ledger& judge_;
  cluster_of_processes& servers_;
  bool few_queues_;
  time_point calm_since_{};
  int served_by_ = 0;
  /// What stands, by run and name: since when that is known.
  std::map<std::string, time_point> standing_;
};

} // namespace reprise::simulation
