#pragma once

#include "store/types.hpp"

#include <unordered_map>

namespace reprise::store {

/// What the check of a write, and the write itself, must know of a stored run.
struct stored_run {
  std::string run_id{};
  std::uint64_t last_seq = 0;
  std::optional<time_point> timer_at{};
  std::optional<time_point> offer_at{};
};

/// The run that a workflow id points at.
struct stored_current {
  std::string run_id{};
  std::int64_t key = 0;
};

/// Where the check looks up what is stored; each backend has one. Lookups happen inside the
/// commit's database transaction; they may throw the backend's own failure, which the check lets
/// through.
class stored_state {
public:
  virtual ~stored_state() = default;
  virtual epoch_number epoch(slot_id slot) = 0;
  virtual std::optional<stored_run> run(std::int64_t key) = 0;
  virtual bool run_id_exists(const std::string& run_id) = 0;
  virtual std::optional<stored_current>
  current(const std::string& namespace_id, const std::string& workflow_id) = 0;
};

/// Decides which transitions of a group hold, before any of them is written, for all backends
/// alike. So a bad member leaves no trace, a group needs no savepoints, and the writes that follow
/// can be batched. It sees the stored state under the admitted members so far. Lives as long as one
/// group; one thread.
class group_check {
public:
  explicit group_check(stored_state& stored) : stored_(stored) {
  }

  /// `committed` when the transition may be written; it then counts for the later ones. Otherwise
  /// why not.
  commit_status admit(const transition& t);

  /// The head's state before the write that admit() saw last for this run; what a backend compares
  /// to write less. Valid for runs of the last admitted transition only.
  const stored_run* before(std::int64_t key) const;
  /// The pointer before the last admitted change of this workflow id.
  const stored_current* current_before(const current_change& change) const;

private:
  using workflow = std::pair<std::string, std::string>;

  struct workflow_hash {
    std::size_t operator()(const workflow& w) const noexcept;
  };

  /// nullopt inside: known to be absent.
  using run_overlay = std::unordered_map<std::int64_t, std::optional<stored_run>>;
  using current_overlay
    = std::unordered_map<workflow, std::optional<stored_current>, workflow_hash>;

  std::optional<stored_run> find_run(std::int64_t key);
  std::optional<stored_current> find_current(const workflow& w);
  bool run_id_exists(const std::string& run_id);
  commit_status check_run(const run_write& w);
  commit_status check_create(const run_write& w, const std::optional<stored_run>& old);
  commit_status check_current(const current_change& change);
  void note_erase(const run_write& w);

  stored_state& stored_;
  // What the admitted members made of the stored state.
  run_overlay runs_;
  current_overlay currents_;
  /// True: made by this group; false: erased by it.
  std::unordered_map<std::string, bool> run_ids_;
  // The same of the member that is being checked; dropped when it is refused.
  run_overlay member_runs_;
  current_overlay member_currents_;
  std::unordered_map<std::string, bool> member_run_ids_;
  // What the last admitted member found.
  run_overlay before_;
  current_overlay current_before_;
};

} // namespace reprise::store
