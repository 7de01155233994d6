#pragma once

#include "base/clock.hpp"
#include "protocol/machine_kind.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace reprise::store {

/// Slots are fixed for ever: `slot_of` never changes its answer.
inline constexpr std::uint32_t slot_count = 4096;

using slot_id = std::uint16_t;
using epoch_number = std::uint64_t;

/// Slots are owned, and move from node to node, in ranges of so many that lie side by side.
inline constexpr std::uint32_t slots_a_range = 16;
inline constexpr std::uint32_t range_count = slot_count / slots_a_range;

using range_id = std::uint8_t;
static_assert(range_count - 1 <= std::numeric_limits<range_id>::max());

constexpr range_id range_of(slot_id slot) noexcept {
  return static_cast<range_id>(slot / slots_a_range);
}

constexpr slot_id first_slot(range_id range) noexcept {
  return static_cast<slot_id>(range * slots_a_range);
}

/// The slot of a durable actor: FNV-1a over both ids with a separator, modulo slot_count. The kind
/// comes first where it is not a workflow, so workflows are where they were when there was no
/// other.
slot_id slot_of(const std::string& namespace_id, machine_kind kind, const std::string& id) noexcept;

/// What the store knows of one run without its journal: the row that every transition updates. Runs
/// of two kinds never meet: not by an id that both have, nor in a list or count.
struct run_head {
  /// Grows with time (invariant 8); primary key of the run's rows. Given by the slot that creates
  /// it.
  std::int64_t key = 0;
  slot_id slot = 0;
  std::string namespace_id{};
  machine_kind kind = machine_kind::workflow;
  /// Of the durable actor, whatever its kind: all runs of it have the same.
  std::string workflow_id{};
  std::string run_id{};
  /// Number of the last journal row; the next append carries last_seq + 1. First row: 1.
  std::uint64_t last_seq = 0;
  /// Number of the next history event.
  std::int64_t next_event_id = 1;
  /// WorkflowExecutionStatus of the public API as a number; 1 is running.
  int status = 1;
  /// True next deadline: timer, timeout or, once closed, the end of the retention.
  std::optional<time_point> timer_at{};
  /// Set while the run has work that no worker was given yet.
  std::optional<time_point> offer_at{};
};

/// One journal row: what one transition appended to one run; or two, of which the first started a
/// workflow task early.
struct journal_row {
  std::uint64_t seq = 0;
  /// Id of the first event in `events`; of the next event when there is none.
  std::int64_t first_event_id = 0;
  std::int32_t event_count = 0;
  /// The public events exactly as pollers get them: a serialised temporal.api.history.v1.History,
  /// so rows can be put one behind the other.
  std::string events{};
  /// Serialised reprise.journal.Facts: the private facts and their order among the events.
  std::string facts{};
};

struct snapshot {
  /// The journal row up to which it stands for the fold.
  std::uint64_t seq = 0;
  std::string state{};
};

/// A value of a search attribute or of a system column.
enum class value_type : std::uint8_t {
  keyword,
  text,
  integer,
  real,
  boolean,
  datetime,
  keyword_list,
};

struct search_value {
  value_type type = value_type::keyword;
  /// keyword, text: one element; keyword_list: any number; else empty.
  std::vector<std::string> texts{};
  /// integer, boolean (0 or 1), datetime (nanoseconds since the epoch).
  std::int64_t integer = 0;
  double real = 0;
  friend bool operator==(const search_value&, const search_value&) = default;
};

struct named_value {
  std::string name{};
  search_value value{};
  friend bool operator==(const named_value&, const named_value&) = default;
};

/// The row that lists a run. Written in the transaction of its start, its upserts, its close.
struct visibility_row {
  std::int64_t key = 0;
  std::string namespace_id{};
  machine_kind kind = machine_kind::workflow;
  std::string workflow_id{};
  std::string run_id{};
  std::string workflow_type{};
  std::string task_queue{};
  int status = 1;
  time_point start_time{};
  time_point execution_time{};
  std::optional<time_point> close_time{};
  std::int64_t history_length = 0;
  std::int64_t history_size_bytes = 0;
  std::int64_t state_transition_count = 0;
  std::string parent_workflow_id{};
  std::string parent_run_id{};
  std::string root_workflow_id{};
  std::string root_run_id{};
  /// Custom and predefined search attributes, sorted by name; what queries are matched against.
  std::vector<named_value> search_attributes{};
  /// A serialised temporal.api.workflow.v1.WorkflowExecutionInfo: what a list answers, verbatim.
  std::string info{};
};

/// A part of a journal that becomes the first rows of another run's, which does not exist yet: a
/// history that a reset goes on from. It is copied part by part, each a short transaction of its
/// own; nobody sees what was copied until a run is created on it (run_write::on_copy).
struct history_copy {
  std::int64_t from_key = 0;
  /// Of the run that does not exist yet, given by the slot that will create it.
  std::int64_t to_key = 0;
  /// Rows of `from_key`, both included. Those that have events come over, without their facts.
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  /// The number that the first of them gets; the others follow without gaps.
  std::uint64_t to_seq = 0;
  /// The first row of the new run, in front of all that is copied: with the first part, which
  /// begins the copy.
  std::optional<journal_row> begin{};
  /// Of the copy, by the caller's clock: it tells abandoned ones (sweep_copies).
  time_point begun_at{};
};

/// Writes one run within a transition. All optional parts belong to the same transaction.
struct run_write {
  enum class kind : std::uint8_t {
    /// Inserts head and first journal row. Refused (already_exists) when the run id is there.
    create,
    /// Adds one journal row and replaces the head. Refused unless the stored last_seq is
    /// head.last_seq - 1: conflict when it is more, predecessor_lost when it is less or there is no
    /// such run.
    append,
    /// Replaces offer_at, timer_at only; adds no journal row. Same check on head.last_seq, which
    /// stays.
    touch,
    /// Deletes everything of the run that `head` tells by all its ids, and a pointer to it.
    erase,
  };
  kind what = kind::append;
  /// Of a create: its row comes behind a copied history. Refused (conflict) when the copy is not
  /// there, or was swept.
  bool on_copy = false;
  /// The head as it shall be after the transition; its last_seq is the number of `row`.
  run_head head{};
  /// Of an erase: what inboxes remember of messages that this run wrote first goes, too. Nobody is
  /// left who might send them again.
  bool with_messages = false;
  journal_row row{};
  std::optional<visibility_row> visibility{};
  /// Replaces the snapshot. Its seq may be lower than the row's.
  std::optional<snapshot> snap{};
  /// Deletes the private facts of journal rows up to and including this one, and the rows that held
  /// nothing else: legal only behind a durable snapshot of at least that seq.
  std::optional<std::uint64_t> forget_facts_to{};
};

/// Moves the pointer from an id to its current run.
struct current_change {
  std::string namespace_id{};
  machine_kind kind = machine_kind::workflow;
  std::string workflow_id{};
  /// The run that must be current now; empty: none may be. A mismatch refuses (already_exists).
  std::string expected_run_id{};
  /// The run that is current afterwards.
  std::string run_id{};
  std::int64_t key = 0;
};

/// Tells one backlog. Kind: 1 workflow tasks, 2 activity tasks, as in the public API.
struct queue_key {
  std::string namespace_id{};
  std::string name{};
  int kind = 1;
  friend auto operator<=>(const queue_key&, const queue_key&) = default;
};

struct backlog_row {
  queue_key queue{};
  /// 1 is most urgent.
  int priority = 3;
  /// Order within the priority; unique within the queue. Given by the writer of the row.
  std::int64_t seq = 0;
  /// Tells the task from every other. A row that the same task has already gives way to this one,
  /// so that a backlog does not grow when its tasks are offered again. Empty: none gives way.
  std::string task_id{};
  /// Serialised reprise.cluster.Task.
  std::string task{};
};

/// Says that the transition takes a message of another durable actor, and what the sender is told,
/// now and with each copy that comes later. The row belongs to the transition's slot, so to the
/// receiving *id*: it outlives the run that took the message, that run's retention and deletion.
///
/// A message that comes again, since its answer was lost or its sender was loaded anew, finds the
/// row: its answer is given again, nothing is decided. A copy that overtook the commit of the first
/// one is refused by the commit (`message_taken`) and then finds it.
struct inbox_add {
  /// Unique for ever: the run that first wrote it, its number there, and a random word, with colons
  /// between them.
  std::string message_id{};
  /// Bytes to the store. A final refusal is an answer, too.
  std::string answer{};
  /// Whom to ask what became of the answer. Bytes to the store.
  std::string sender{};
  time_point taken_at{};
};

/// The sender has committed the answer and said so: no copy of the message is sent any more. The
/// row stays for those that are on their way and goes with a sweep (`sweep_inbox`). Of a message
/// that is forgotten already the first time counts; of one that is not there nothing happens.
struct inbox_forget {
  std::string message_id{};
  time_point forgotten_at{};
};

/// A message that was taken.
struct inbox_row {
  slot_id slot = 0;
  std::string message_id{};
  std::string answer{};
  std::string sender{};
  time_point taken_at{};
  std::optional<time_point> forgotten_at{};
};

/// A place among a range's messages that nobody forgot, oldest first.
struct inbox_place {
  time_point taken_at{};
  std::string message_id{};
  slot_id slot = 0;
};

/// One atomic unit: all or nothing. Touches one slot only.
struct transition {
  slot_id slot = 0;
  /// Refused (stale_epoch) unless it is what the slot's owner has, and that owns the slot still.
  epoch_number epoch = 0;
  /// The life of the actor that decided this; 0: nobody's. It was decided on a state that all
  /// earlier ones of that life made, whatever run they wrote; when one of these is refused, so are
  /// the later ones of its group, for the same reason.
  std::uint64_t incarnation = 0;
  std::vector<run_write> runs{};
  std::vector<current_change> currents{};
  std::vector<backlog_row> backlog_adds{};
  /// Refused (message_taken) when the slot's inbox has one of them already.
  std::vector<inbox_add> inbox_adds{};
  std::vector<inbox_forget> inbox_forgets{};
};

/// What became of one transition of a group.
enum class commit_status : std::uint8_t {
  /// Durable.
  committed,
  /// Not durable: another owner has the slot.
  stale_epoch,
  /// Not durable: last_seq is not what the transition expected; somebody wrote in between.
  conflict,
  /// Not durable: the row before it, which was durable when the transition was decided, is not
  /// there. The store lost commits that it had answered (a failover, a restore): what its owner
  /// holds in memory may be of a time that the store knows nothing of.
  predecessor_lost,
  /// Not durable: the current pointer is not what was expected, or the run id exists.
  already_exists,
  /// Not durable: a message that it takes was taken before, by a transition that its actor does not
  /// know of. What was answered then is in the inbox (`read_inbox`).
  message_taken,
  /// Not durable: more bytes than the database takes in one statement or transaction.
  too_large,
  /// Not durable: the store could not be written (disk full, down). Nothing of it will appear
  /// later.
  unavailable,
  /// Not known: the commit's answer was lost. It may be durable now or become so later; raise the
  /// slot's epoch before reading.
  unknown,
};

/// A namespace's record; `record` is a serialised reprise.journal.NamespaceRecord.
struct namespace_row {
  std::string id{};
  std::string name{};
  /// Grows by one with each update; an update carries the version that it read.
  std::int64_t version = 0;
  std::string record{};
};

/// Runs of one namespace, in the order of their keys (store::runs_of).
struct run_page {
  std::vector<run_head> runs{};
  /// The key behind which the next page begins.
  std::int64_t last_key = 0;
  /// There are no more runs behind it, whosever they are.
  bool is_last = false;
};

struct due_run {
  time_point at{};
  slot_id slot = 0;
  std::int64_t key = 0;
  std::string namespace_id{};
  machine_kind kind = machine_kind::workflow;
  std::string workflow_id{};
  std::string run_id{};
};

} // namespace reprise::store
