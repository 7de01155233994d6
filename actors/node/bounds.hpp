#pragma once

#include "base/clock.hpp"

#include <cstddef>
#include <cstdint>

// How much the actors of one node hold at the same time. Every bound is a field here, so that a
// test reaches it and a simulated life draws a tiny one; docs/BOUNDS.md says who meets each and
// what that one hears.

namespace reprise::actors {

/// Of one run.
struct run_bounds {
  /// A run is given a snapshot after so many rows of its journal, at least 1. Fewer: quicker loads,
  /// more to write.
  std::uint64_t rows_per_snapshot = 512;
  /// Larger states are replayed: a snapshot has to fit into one statement of a database (16 MiB),
  /// in which each of its bytes may need two. Without this bound such a run could write no more.
  std::size_t snapshot_bytes_max = 7U << 20;
  /// Of the newest events, in memory.
  std::size_t tail_bytes_max = 32U << 10;
  /// Rows of a journal that are in memory at once while it is replayed.
  std::size_t replay_bytes_max = 4U << 20;
  /// What is read at once, and copied at once, of a history that a decision rests on: others wait
  /// for so long.
  std::size_t gather_bytes_max = 256U << 10;
};

/// Of one workflow id.
struct workflow_bounds {
  /// Calls of clients without an answer, in number and in bytes of their requests.
  std::size_t calls_max = 2000;
  std::size_t call_bytes_max = 64U << 20;
  /// Long polls for history events.
  std::size_t polls_max = 1000;
  /// Queries without an answer; and of these, those of one run that wait for a workflow task.
  std::size_t queries_max = 200;
  std::size_t queries_buffered_max = 1;
  /// Runs in memory besides the current one; at least 1.
  std::size_t older_runs_max = 2;
};

/// Of one task queue.
struct queue_bounds {
  /// Workers that wait.
  std::size_t pollers_max = 10'000;
  /// Workers that are remembered, to be described.
  std::size_t recent_pollers_max = 1000;
  /// Hand-outs whose outcome is not known yet.
  std::size_t handed_max = 10'000;
  /// Tasks in memory, in number and (about) in bytes; more become rows of the backlog.
  std::size_t tasks_max = 10'000;
  std::size_t task_bytes_max = 8U << 20;
  /// Tasks of queries.
  std::size_t queries_max = 1000;
  /// Rows of the backlog that are read at once, and that are erased together.
  std::size_t page_rows = 1000;
  std::size_t erase_rows = 500;
  /// Fairness keys of a priority whose turn, or whose rate, is remembered.
  std::size_t fairness_keys_max = 10'000;
};

/// Of the timer.
struct timer_bounds {
  /// Deadlines in memory.
  std::size_t armed_max = 100'000;
  /// Wakes and offers that their slots could not deal with, which come again after a pause; more
  /// are read from the store again.
  std::size_t put_off_max = 100'000;
  /// Rows that are read at once.
  std::size_t page_rows = 1000;
  /// Wakes and offers that are under way to slots.
  std::size_t credits_max = 256;
  /// Sweeps that wait; more become one of all queues.
  std::size_t sweeps_max = 64;
};

/// Of messages between durable actors.
struct message_bounds {
  /// Without an answer, in the memory of a node, and bytes of them. The runs that sent what has no
  /// room are asked for it again.
  std::size_t messages_max = 100'000;
  std::size_t bytes_max = 64U << 20;
  /// Copies that left one slot within the last second and have no answer.
  std::size_t under_way_max = 200;
  /// Messages that slots were told to forget, and that they are told together at the latest.
  std::size_t forgets_max = 100;
  /// Messages of one slot that made their receivers fail, and are remembered.
  std::size_t failures_max = 1000;
  /// Rows of a range's inbox that are read or erased at once.
  std::size_t page_rows = 500;
};

/// Of one commit.
struct group_limits {
  std::size_t transitions_max = 512;
  std::size_t bytes_max = 4U << 20;
  /// While several callers write, a commit begins so long after the one before began, or as soon as
  /// so many appends wait (commit_window). Only a writer on a thread of its own waits.
  duration window = std::chrono::milliseconds{2};
  std::size_t window_appends = 64;
};

/// Of one node.
struct node_bounds {
  run_bounds run{};
  workflow_bounds workflow{};
  queue_bounds queue{};
  timer_bounds timer{};
  message_bounds messages{};
  /// Calls without an answer, polls among them, in number and in bytes of their requests.
  std::size_t calls_max = 100'000;
  std::size_t call_bytes_max = 512U << 20;
  /// Task queues in memory.
  std::size_t queues_max = 50'000;
  /// Reads of the store for clients that wait or run; and of these, lists and counts.
  std::size_t jobs_max = 8192;
  std::size_t scans_max = 64;
  /// Threads that read the store, and those for lists and counts: so many run at once.
  std::size_t readers = 4;
  std::size_t scanners = 2;
  /// A read of the node's own that finds no memory is run so often, with pauses of 100 ms.
  std::size_t job_runs_max = 50;
  /// Tasks of one slot that have to be taken back, and wait until the slot is served; more run into
  /// their time-outs.
  std::size_t returned_max = 1000;
  /// Runs that are looked for at once in the store when a namespace is erased or looked through,
  /// and orders about them that are under way.
  std::size_t upkeep_rows = 1000;
  std::size_t upkeep_orders_max = 64;
};

} // namespace reprise::actors
