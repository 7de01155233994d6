#pragma once

#include "store/types.hpp"

#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace reprise::store {

/// What the check of a write, and the write itself, must know of a stored run.
struct stored_run {
  std::uint64_t last_seq = 0;
  std::optional<time_point> timer_at{};
  std::optional<time_point> offer_at{};
};

/// The durable actor to which runs belong.
struct actor_address {
  std::string namespace_id{};
  machine_kind kind = machine_kind::workflow;
  std::string id{};
  friend auto operator<=>(const actor_address&, const actor_address&) = default;
};

/// The run that an id points at.
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
  // A backend whose tables refuse a second run of a key or id, and which then leaves its member
  // out, may answer no without looking.
  virtual bool has_key(std::int64_t key) = 0;
  virtual bool has_run_id(const std::string& run_id) = 0;
  virtual std::optional<stored_current> current(const actor_address& of) = 0;
  virtual bool has_message(slot_id slot, const std::string& message_id) = 0;
  /// A history was copied for a run of this key, and is not swept.
  virtual bool has_copy(std::int64_t key) = 0;
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
  /// A transition is refused for a reason that the check does not see.
  void refuse(const transition& t, commit_status why);
  /// The same for the one that was admitted last and could not be written: it leaves no trace.
  void withdraw(const transition& t, commit_status why);

  /// The head's state before the write that admit() saw last for this run; what a backend compares
  /// to write less. Valid for runs of the last admitted transition only.
  const stored_run* before(std::int64_t key) const;
  /// The pointer before the last admitted change of this id.
  const stored_current* current_before(const current_change& change) const;

private:
  struct address_view {
    address_view(const actor_address& a) : namespace_id(a.namespace_id), kind(a.kind), id(a.id) {
    }

    explicit address_view(const current_change& c)
      : namespace_id(c.namespace_id), kind(c.kind), id(c.workflow_id) {
    }

    explicit address_view(const run_head& h)
      : namespace_id(h.namespace_id), kind(h.kind), id(h.workflow_id) {
    }

    actor_address copy() const {
      return {.namespace_id = std::string{namespace_id}, .kind = kind, .id = std::string{id}};
    }

    friend bool operator==(const address_view&, const address_view&) = default;

    std::string_view namespace_id;
    machine_kind kind;
    std::string_view id;
  };

  struct address_hash {
    using is_transparent = void;
    std::size_t operator()(const address_view& a) const noexcept;
  };

  struct address_equal {
    using is_transparent = void;

    bool operator()(const address_view& a, const address_view& b) const noexcept {
      return a == b;
    }
  };

  // nullopt inside: known to be absent.
  using run_overlay = std::unordered_map<std::int64_t, std::optional<stored_run>>;
  using current_overlay
    = std::unordered_map<actor_address, std::optional<stored_current>, address_hash, address_equal>;
  /// Of one member, which writes one run or two; the last entry of a key counts.
  using member_runs = std::vector<std::pair<std::int64_t, std::optional<stored_run>>>;
  using message_place = std::pair<slot_id, std::string>;

  commit_status check(const transition& t);
  /// What the group made of the run so far; null: nothing.
  const std::optional<stored_run>* written_run(std::int64_t key) const;
  std::optional<stored_run> find_run(std::int64_t key);
  std::optional<stored_current> find_current(const address_view& of);
  bool run_exists(std::int64_t key, const std::string& run_id);
  commit_status check_run(const run_write& w);
  commit_status check_create(const run_write& w);
  commit_status check_current(const current_change& change);
  commit_status check_message(slot_id slot, const std::string& message_id);
  void note_erase(const run_write& w);

  stored_state& stored_;
  // What the admitted members but the last made of the stored state.
  run_overlay runs_;
  current_overlay currents_;
  /// True: made by this group; false: erased by it.
  std::unordered_map<std::string, bool> run_ids_;
  std::set<message_place> messages_;
  // The same of the last one, or of the member that is being checked; dropped when it is refused.
  member_runs member_runs_;
  current_overlay member_currents_;
  std::unordered_map<std::string, bool> member_run_ids_;
  std::set<message_place> member_messages_;
  // What the last admitted member found.
  member_runs before_;
  current_overlay current_before_;
  // Why nothing of these incarnations holds any more.
  std::unordered_map<std::uint64_t, commit_status> refused_;
};

} // namespace reprise::store
