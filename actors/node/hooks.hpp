#pragma once

#include "actors/node/bound_hooks.hpp"
#include "base/metrics.hpp"
#include "protocol/machine_kind.hpp"

namespace reprise::actors {

/// The metrics that actors write, looked up once.
struct hooks {
  explicit hooks(metrics& m);

  refusals refused;
  fill_levels used;

  histogram& group_size;
  histogram& commit_seconds;
  counter& appends;
  counter& append_failures;
  counter& store_read_failures;
  counter& lost_rows;
  gauge& resident;
  gauge& resident_bytes;
  counter& rehydrated;
  counter& passivated;
  counter& crashed;
  gauge& parked;
  counter& taken_back;
  gauge& history_polls;
  counter& wakes_postponed;
  counter& messages_sent;
  counter& messages_sent_again;
  counter& messages_taken;
  counter& messages_erased;
  gauge& messages_parked;
  counter& closed_completed;
  counter& closed_failed;
  counter& closed_canceled;
  counter& closed_terminated;
  counter& closed_continued;
  counter& closed_timed_out;

  /// Counts a run that closed, by its head's status.
  void closed(machine_kind kind, int status) noexcept;
};

} // namespace reprise::actors
