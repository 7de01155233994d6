#pragma once

#include "actors/call/outcome.hpp"
#include "protocol/address.hpp"

#include <caf/typed_actor.hpp>

#include <functional>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace reprise::actors {

/// A long poll for history that waits at its slot.
struct waiting_poll {
  call_ptr what{};
  engine::event_wait until{};
};

/// A workflow task's start that left before its commit. One that a former life left and that the
/// store has after all stays noted until the next append, or until the execution leaves memory.
struct early_start {
  /// For the next life, should this one end; absent when the slot was another's in between.
  early_entry_ptr left{};
  /// Number of the last append before it; every later one holds it.
  std::uint64_t behind = 0;
  /// When it has to be written, whatever comes; absent when that was asked for.
  std::optional<time_point> flush_at{};
};

/// What a slot knows of one durable actor: while its execution is in memory, a call is under way,
/// or a long poll waits. Belongs to its slot alone.
struct entry {
  enum class phase : std::uint8_t {
    /// No actor.
    absent,
    /// The actor takes calls.
    live,
    /// The actor is gone or has to go; waits until nothing that it decided is under way.
    dying,
    /// Its journal cannot be folded; answers errors only.
    parked,
  };

  std::string namespace_id{};
  machine_kind kind = machine_kind::workflow;
  /// Of the durable actor, whatever its kind.
  std::string workflow_id{};
  phase is = phase::absent;
  execution_actor actor{};
  incarnation_ptr who{};
  /// Number of the last append that is durable.
  std::uint64_t durable = 0;
  /// Calls without an outcome, oldest first.
  std::vector<call_ptr> calls{};
  /// Outcomes of reads that wait for an append.
  std::vector<outcome_ptr> held{};
  std::vector<waiting_poll> polls{};
  /// The actor said goodbye: what it did not decide it never will.
  bool down = false;
  /// One of its appends is lost, so whatever comes later rests on nothing.
  bool append_failed = false;
  bool load_first = false;
  /// A commit of unknown outcome: the slot's epoch must be raised before anything is read.
  bool needs_raise = false;
  /// Calls whose answer comes by a later outcome (queries); none of them is in `calls`.
  std::vector<call_ptr> staying{};
  /// When one of those has waited long enough.
  std::optional<time_point> staying_until{};
  /// Drop the actor as soon as it rests (what it has to write first was asked for).
  bool drop_next = false;
  int failed_loads = 0;
  /// Deaths, and failures to load, in a row without a call that went well; slows down retries.
  int deaths = 0;
  std::string parked_text{};
  std::string parked_run_id{};
  /// Next deadline of the current run.
  std::optional<time_point> timer_at{};
  std::string current_run_id{};
  std::optional<early_start> early{};
  /// Tasks that have to be taken back, which the store did not take; tried again with wake-ups.
  std::vector<returned_task_ptr> returned{};
  /// Runs that are to be erased. As long as there are any, no call is taken.
  std::vector<run_order_ptr> orders{};
  /// When to wake it and to have its tasks offered again, since something of that failed; and how
  /// often in a row it did.
  std::optional<time_point> retry_at{};
  int retries = 0;
  /// Its execution died, and no later one has told when it wants to be woken.
  bool deadline_unknown = false;
  /// Calls of clients that have no answer, and bytes of their requests.
  std::size_t client_calls = 0;
  std::size_t client_bytes = 0;
  std::size_t resident_bytes = 0;
  std::uint64_t rows_behind_snapshot = 0;
  /// Where it stands in the slot's agenda and in its order of use, if at all.
  std::optional<time_point> agenda_at{};
  std::list<entry*>::iterator use{};
  bool in_use_order = false;

  bool rests() const noexcept {
    return calls.empty() && held.empty() && staying.empty();
  }
};

/// Entries by address, found without making a key.
class entry_map {
public:
  entry* find(std::string_view namespace_id, machine_kind kind, std::string_view id);
  entry& find_or_add(const std::string& namespace_id, machine_kind kind, const std::string& id);

  /// Of the actor that a request or a task names.
  template <class Message>
  entry* find(const Message& m) {
    return find(m.namespace_id(), kind_of(m), m.workflow_id());
  }

  template <class Message>
  entry& find_or_add(const Message& m) {
    return find_or_add(m.namespace_id(), kind_of(m), m.workflow_id());
  }

  void erase(const entry& e);

  void clear() noexcept {
    entries_.clear();
  }

  std::size_t size() const noexcept {
    return entries_.size();
  }

  template <class F>
  void for_each(F&& f) {
    for (auto& [key, e] : entries_)
      f(*e);
  }

private:
  struct key {
    std::string_view namespace_id{};
    machine_kind kind = machine_kind::workflow;
    std::string_view id{};
    friend bool operator==(const key&, const key&) = default;
  };

  struct hash {
    std::size_t operator()(const key& k) const noexcept {
      auto h = std::hash<std::string_view>{};
      return (h(k.namespace_id) * 31 + h(k.id)) * 31 + number_of(k.kind);
    }
  };

  /// The keys are views of the entries' own texts.
  std::unordered_map<key, std::unique_ptr<entry>, hash> entries_;
};

/// By time, then by name: an order by address would differ from one run of a simulation to the
/// next.
struct agenda_order {
  using item = std::pair<time_point, entry*>;

  bool operator()(const item& a, const item& b) const noexcept {
    return std::tie(a.first, a.second->workflow_id, a.second->namespace_id, a.second->kind)
           < std::tie(b.first, b.second->workflow_id, b.second->namespace_id, b.second->kind);
  }
};

/// Entries by the time at which they want attention.
using agenda = std::set<agenda_order::item, agenda_order>;

} // namespace reprise::actors
