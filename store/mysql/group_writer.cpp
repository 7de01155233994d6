#include "store/mysql/group_writer.hpp"

#include "store/columns.hpp"
#include "store/mysql/literal.hpp"
#include "store/sql/attribute_codec.hpp"
#include "store/sql/value_index.hpp"

#include <algorithm>

namespace reprise::store::mysql {

namespace {

/// Room for the words around the rows of a statement.
constexpr std::size_t statement_overhead = 2048;

/// Runs "head (a,b,...) tail" over the literals of all items, in as many statements as the server's
/// limit makes necessary.
template <class Items, class Take>
void select_in(connection& db, const char* head, const Items& items, const char* tail, Take take) {
  auto limit = db.packet_max() > 2 * statement_overhead ? db.packet_max() - statement_overhead
                                                        : statement_overhead;
  std::string list;
  auto run = [&] {
    if (list.empty())
      return;
    auto found = db.query(std::string{head} + "(" + list + ")" + tail);
    while (found.next())
      take(found);
    list.clear();
  };
  for (auto& item : items) {
    std::string literal;
    put(literal, item);
    if (list.size() + literal.size() > limit)
      run();
    if (!list.empty())
      list += ',';
    list += literal;
  }
  run();
}

std::optional<time_point> time_at(const rows& r, unsigned column) {
  if (r.is_null(column))
    return std::nullopt;
  return from_nanoseconds(r.integer(column));
}

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional{text};
}

/// What of a listed row decides how it is counted and whether it has attributes.
constexpr auto found_by = "SELECT run_key, namespace_id, kind, status, workflow_type, "
                          "parent_workflow_id, attributes FROM visibility WHERE run_key IN ";

visibility_row read_found_by(const rows& r) {
  visibility_row row{.key = r.integer(1),
                     .namespace_id = r.text(2),
                     .kind = static_cast<machine_kind>(r.integer(3)),
                     .workflow_type = r.text(5),
                     .status = static_cast<int>(r.integer(4)),
                     .parent_workflow_id = r.text(6)};
  if (auto attributes = sql::decode_attributes(r.text(7)))
    row.search_attributes = std::move(*attributes);
  return row;
}

} // namespace

// -- what the check asks -------------------------------------------------------------------------

group_state::group_state(connection& db, std::span<const transition> group,
                         const std::vector<epoch_number>& epochs, known_runs& known)
  : epochs_(epochs), known_(known) {
  read_runs(db, group);
  read_currents(db, group);
  read_messages(db, group);
  lock_copies(db, group);
}

void group_state::read_runs(connection& db, std::span<const transition> group) {
  std::set<std::int64_t> keys;
  for (auto& t : group)
    for (auto& w : t.runs)
      if (w.what != run_write::kind::create && known(w.head.key) == nullptr)
        keys.insert(w.head.key);
  select_in(db, "SELECT run_key, last_seq, timer_at, offer_at FROM runs WHERE run_key IN ", keys,
            "", [&](const rows& r) {
              runs_.emplace(r.integer(1), stored_run{.last_seq = r.natural(2),
                                                     .timer_at = time_at(r, 3),
                                                     .offer_at = time_at(r, 4)});
            });
}

/// Null unless what this process wrote last of the run is still what is stored.
const stored_run* group_state::known(std::int64_t key) {
  auto entry = known_.find(key);
  if (entry == nullptr)
    return nullptr;
  return epochs_[entry->slot] == entry->epoch ? &entry->run : nullptr;
}

void group_state::read_currents(connection& db, std::span<const transition> group) {
  std::set<std::int64_t> hashes;
  for (auto& t : group) {
    for (auto& change : t.currents)
      hashes.insert(sql::id_hash(change.namespace_id, change.kind, change.workflow_id));
    for (auto& w : t.runs)
      if (w.what == run_write::kind::erase)
        hashes.insert(sql::id_hash(w.head.namespace_id, w.head.kind, w.head.workflow_id));
  }
  select_in(db,
            "SELECT r.namespace_id, r.kind, r.workflow_id, r.run_id, r.run_key FROM run_ids i "
            "JOIN runs r ON r.run_key = i.run_key WHERE i.is_current = 1 AND i.id_hash IN ",
            hashes, " ORDER BY r.run_key DESC", [&](const rows& r) {
              currents_.emplace(actor_address{.namespace_id = r.text(1),
                                              .kind = static_cast<machine_kind>(r.integer(2)),
                                              .id = r.text(3)},
                                stored_current{.run_id = r.text(4), .key = r.integer(5)});
            });
}

void group_state::read_messages(connection& db, std::span<const transition> group) {
  std::set<std::string> ids;
  for (auto& t : group)
    for (auto& message : t.inbox_adds)
      ids.insert(message.message_id);
  select_in(
    db, "SELECT slot, message_id FROM inbox WHERE message_id IN ", ids, "",
    [&](const rows& r) { messages_.emplace(static_cast<slot_id>(r.integer(1)), r.text(2)); });
}

/// Against a sweep, which takes the same rows.
void group_state::lock_copies(connection& db, std::span<const transition> group) {
  std::set<std::int64_t> keys;
  for (auto& t : group)
    for (auto& w : t.runs)
      if (w.on_copy)
        keys.insert(w.head.key);
  select_in(db, "SELECT run_key FROM copies WHERE is_dropped = 0 AND run_key IN ", keys,
            " FOR UPDATE", [&](const rows& r) { copies_.insert(r.integer(1)); });
}

epoch_number group_state::epoch(slot_id slot) {
  return epochs_[slot];
}

std::optional<stored_run> group_state::run(std::int64_t key) {
  if (auto written = known(key); written != nullptr)
    return *written;
  auto found = runs_.find(key);
  if (found == runs_.end())
    return std::nullopt;
  return found->second;
}

// Neither is asked: the table would refuse the row, and the member with it.

bool group_state::has_key(std::int64_t) {
  return false;
}

bool group_state::has_run_id(const std::string&) {
  return false;
}

std::optional<stored_current> group_state::current(const actor_address& of) {
  auto found = currents_.find(of);
  if (found == currents_.end())
    return std::nullopt;
  return found->second;
}

bool group_state::has_message(slot_id slot, const std::string& message_id) {
  return messages_.contains({slot, message_id});
}

bool group_state::has_copy(std::int64_t key) {
  return copies_.contains(key);
}

// -- rows in bulk --------------------------------------------------------------------------------

namespace {

/// Bytes of what has no fixed size.
std::size_t variable_size(std::string_view text) {
  return text.size();
}

template <class Fixed>
std::size_t variable_size(const Fixed&) {
  return 0;
}

} // namespace

template <class... Values>
std::int64_t bulk_rows<Values...>::flush(connection& db) {
  std::int64_t changed = 0;
  std::span<const std::tuple<Values...>> left{rows_};
  auto fits = [&](std::span<const std::tuple<Values...>> part) {
    std::size_t bytes = 0;
    for (auto& row : part)
      std::apply([&](auto&... value) { bytes += (variable_size(value) + ...); }, row);
    return bytes < db.packet_max() / 2;
  };
  for (; left.size() >= rows_each && fits(left.first(rows_each)); left = left.subspan(rows_each))
    changed += flush_prepared(db, left.first(rows_each));
  row_batch rest{head_, tail_};
  for (auto& row : left)
    std::apply([&](auto&... value) { rest.add(db, value...); }, row);
  changed += rest.flush(db);
  rows_.clear();
  return changed;
}

template <class... Values>
std::int64_t
bulk_rows<Values...>::flush_prepared(connection& db, std::span<const std::tuple<Values...>> rows) {
  std::string places = "(?";
  for (std::size_t i = 1; i < sizeof...(Values); ++i)
    places += ",?";
  places += ')';
  std::string text = head_;
  for (std::size_t i = 0; i < rows.size(); ++i)
    text += (i == 0 ? "" : ",") + places;
  auto& statement = db.prepared(text + tail_);
  for (auto& row : rows)
    std::apply([&](auto&... value) { (statement.bind(value), ...); }, row);
  return statement.update();
}

// -- writing -------------------------------------------------------------------------------------

group_writer::group_writer(connection& db, const group_check& check)
  : db_(db),
    check_(check),
    journal_("INSERT INTO journal(run_key, seq, first_event_id, event_count, events, facts) "
             "VALUES ",
             ""),
    // Replaces what lies in a place, and what the same task has elsewhere.
    backlog_(
      "REPLACE INTO backlog(namespace_id, queue, kind, priority, seq, task_id, task) VALUES ", ""),
    inbox_("INSERT INTO inbox(message_id, slot, range_id, taken_at, sender, answer) VALUES ", "") {
}

void group_writer::add(const transition& t) {
  for (auto& w : t.runs)
    add_run(w);
  for (auto& change : t.currents)
    add_current(change);
  for (auto& row : t.backlog_adds)
    backlog_.add(db_, row.queue.namespace_id, row.queue.name, row.queue.kind, row.priority, row.seq,
                 unless_empty(row.task_id), row.task);
  for (auto& message : t.inbox_adds) {
    // Whoever forgot it before it was taken forgot nothing.
    forgotten_.erase({t.slot, message.message_id});
    inbox_.add(db_, message.message_id, int{t.slot}, int{range_of(t.slot)}, message.taken_at,
               message.sender, message.answer);
  }
  for (auto& message : t.inbox_forgets)
    forgotten_.try_emplace({t.slot, message.message_id}, message.forgotten_at);
}

void group_writer::add_run(const run_write& w) {
  auto key = w.head.key;
  if (w.what == run_write::kind::erase) {
    erase_run(w);
    return;
  }
  auto& state = heads_[key];
  auto before = check_.before(key);
  state.wakeups_move = state.wakeups_move || before == nullptr
                       || before->timer_at != w.head.timer_at
                       || before->offer_at != w.head.offer_at;
  state.wakeups = &w.head;
  if (w.what != run_write::kind::touch)
    state.head = &w.head;
  state.is_new = state.is_new || w.what == run_write::kind::create;
  if (w.what == run_write::kind::create)
    run_ids_.emplace(
      std::pair{sql::id_hash(w.head.namespace_id, w.head.kind, w.head.workflow_id), key}, false);
  if (w.on_copy)
    copies_.push_back(key);
  if (w.what != run_write::kind::touch)
    journal_.add(key, w.row.seq, w.row.first_event_id, int{w.row.event_count}, w.row.events,
                 w.row.facts);
  if (w.visibility)
    add_visibility(w.head, *w.visibility, w.what == run_write::kind::create);
  if (w.snap)
    snapshots_.insert_or_assign(key, &*w.snap);
  if (w.forget_facts_to)
    forget_facts(key, *w.forget_facts_to);
}

void group_writer::add_visibility(const run_head& head, const visibility_row& row, bool is_new) {
  auto& listed = visibility_[head.key];
  listed.row = &row;
  listed.shard = int{range_of(head.slot)};
  listed.is_rewritten = listed.is_rewritten || !is_new;
}

void group_writer::add_current(const current_change& change) {
  auto hash = sql::id_hash(change.namespace_id, change.kind, change.workflow_id);
  if (auto before = check_.current_before(change); before != nullptr)
    run_ids_.insert_or_assign({hash, before->key}, false);
  run_ids_.insert_or_assign({hash, change.key}, true);
}

void group_writer::forget_facts(std::int64_t key, std::uint64_t to) {
  flush();
  auto done = db_.query(fill("SELECT facts_forgotten_to FROM snapshots WHERE run_key = ?", key));
  auto from = done.next() ? done.integer(1) : 0;
  db_.execute(fill("DELETE FROM journal WHERE run_key = ? AND seq > ? AND seq <= ? "
                   "AND event_count = 0",
                   key, from, to));
  db_.execute(fill("UPDATE journal SET facts = '' WHERE run_key = ? AND seq > ? AND seq <= ? "
                   "AND facts <> ''",
                   key, from, to));
  db_.execute(fill("UPDATE snapshots SET facts_forgotten_to = ? WHERE run_key = ? "
                   "AND facts_forgotten_to < ?",
                   to, key, to));
}

void group_writer::erase_run(const run_write& w) {
  const auto& head = w.head;
  // What the group wrote so far of this run must be there before it goes.
  flush();
  auto found = db_.query(std::string{found_by} + "(" + std::to_string(head.key) + ")");
  if (found.next())
    counts_.erase(read_found_by(found), int{range_of(head.slot)});
  for (auto table : {"runs", "journal", "snapshots", "visibility", "attributes"})
    db_.execute(std::string{"DELETE FROM "} + table + fill(" WHERE run_key = ?", head.key));
  db_.execute(fill("DELETE FROM run_ids WHERE id_hash = ? AND run_key = ?",
                   sql::id_hash(head.namespace_id, head.kind, head.workflow_id), head.key));
  if (w.with_messages)
    db_.execute(fill("DELETE FROM inbox WHERE message_id > ? AND message_id < ?",
                     messages_from(head.run_id), messages_to(head.run_id)));
}

/// The tables take an insert that turns into an update for many rows at once, which no plain UPDATE
/// can say; each literal costs the server's parser, so a row has no more of them than change.
void group_writer::flush_heads() {
  row_batch created{"INSERT INTO runs(run_key, last_seq, next_event_id, status, timer_at, "
                    "offer_at, slot, namespace_id, kind, workflow_id, run_id) VALUES ",
                    ""};
  using wakeup = std::optional<time_point>;
  bulk_rows<std::int64_t, std::uint64_t, std::int64_t, int, wakeup, wakeup> moved{
    "INSERT INTO runs(run_key, last_seq, next_event_id, status, timer_at, offer_at) VALUES ",
    " ON DUPLICATE KEY UPDATE last_seq = VALUES(last_seq), "
    "next_event_id = VALUES(next_event_id), status = VALUES(status), "
    "timer_at = VALUES(timer_at), offer_at = VALUES(offer_at)"};
  bulk_rows<std::int64_t, std::uint64_t, std::int64_t, int> appended{
    "INSERT INTO runs(run_key, last_seq, next_event_id, status) VALUES ",
    " ON DUPLICATE KEY UPDATE last_seq = VALUES(last_seq), "
    "next_event_id = VALUES(next_event_id), status = VALUES(status)"};
  std::int64_t updates = 0;
  for (auto& [key, state] : heads_) {
    auto& [head, wakeups, is_new, wakeups_move] = state;
    if (head == nullptr) {
      db_.execute(fill("UPDATE runs SET timer_at = ?, offer_at = ? WHERE run_key = ?",
                       wakeups->timer_at, wakeups->offer_at, key));
    } else if (is_new) {
      created.add(db_, key, head->last_seq, head->next_event_id, head->status, wakeups->timer_at,
                  wakeups->offer_at, int{head->slot}, head->namespace_id,
                  static_cast<int>(head->kind), head->workflow_id, head->run_id);
    } else if (++updates; wakeups_move) {
      moved.add(key, head->last_seq, head->next_event_id, head->status, wakeups->timer_at,
                wakeups->offer_at);
    } else {
      appended.add(key, head->last_seq, head->next_event_id, head->status);
    }
  }
  heads_.clear();
  created.flush(db_);
  // A row too few: what was known of a run was not so. Tried again on what is read.
  if (moved.flush(db_) + appended.flush(db_) != 2 * updates)
    throw failure{failure::known_wrongly, "a run that was appended to is not there"};
}

void group_writer::flush_run_ids() {
  row_batch ids{"INSERT INTO run_ids(id_hash, run_key, is_current) VALUES ",
                " ON DUPLICATE KEY UPDATE is_current = VALUES(is_current)"};
  for (auto& [place, is_current] : run_ids_)
    ids.add(db_, place.first, place.second, int{is_current});
  ids.flush(db_);
  run_ids_.clear();
}

void group_writer::flush_snapshots() {
  row_batch snapshots{"INSERT INTO snapshots(run_key, seq, state) VALUES ",
                      " ON DUPLICATE KEY UPDATE seq = VALUES(seq), state = VALUES(state)"};
  for (auto& [key, snap] : snapshots_)
    snapshots.add(db_, key, snap->seq, snap->state);
  snapshots.flush(db_);
  snapshots_.clear();
}

void group_writer::flush() {
  flush_heads();
  flush_run_ids();
  flush_snapshots();
  flush_visibility();
  journal_.flush(db_);
  backlog_.flush(db_);
  flush_inbox();
  for (auto key : std::exchange(copies_, {}))
    db_.execute(fill("DELETE FROM copies WHERE run_key = ?", key));
  write_counts(db_, counts_);
}

/// What is forgotten together goes in one statement; a message may be taken and forgotten in one
/// group.
void group_writer::flush_inbox() {
  inbox_.flush(db_);
  std::map<time_point, std::vector<message_place>> by_time;
  for (auto& [place, at] : forgotten_)
    by_time[at].push_back(place);
  for (auto& [at, messages] : by_time) {
    auto head = fill("UPDATE inbox SET forgotten_at = ? WHERE forgotten_at IS NULL AND (", at);
    auto text = head;
    for (auto& [slot, id] : messages) {
      auto one = fill("(message_id = ? AND slot = ?)", id, int{slot});
      if (text.size() + one.size() + statement_overhead > db_.packet_max()) {
        db_.execute(text + ")");
        text = head;
      }
      text += (text.size() == head.size() ? "" : " OR ") + one;
    }
    db_.execute(text + ")");
  }
  forgotten_.clear();
}

namespace {

constexpr auto visibility_head
  = "INSERT INTO visibility(run_key, close_order, start_time, execution_time, status, "
    "history_length, history_size_bytes, state_transitions, namespace_id, workflow_id, run_id, "
    "workflow_type, task_queue, parent_workflow_id, parent_run_id, root_workflow_id, root_run_id, "
    "attributes, info, kind) VALUES ";

constexpr auto visibility_tail
  = " ON DUPLICATE KEY UPDATE close_order = VALUES(close_order), start_time = VALUES(start_time), "
    "execution_time = VALUES(execution_time), status = VALUES(status), "
    "history_length = VALUES(history_length), history_size_bytes = VALUES(history_size_bytes), "
    "state_transitions = VALUES(state_transitions), namespace_id = VALUES(namespace_id), "
    "workflow_id = VALUES(workflow_id), run_id = VALUES(run_id), "
    "workflow_type = VALUES(workflow_type), task_queue = VALUES(task_queue), "
    "parent_workflow_id = VALUES(parent_workflow_id), parent_run_id = VALUES(parent_run_id), "
    "root_workflow_id = VALUES(root_workflow_id), root_run_id = VALUES(root_run_id), "
    "attributes = VALUES(attributes), info = VALUES(info), kind = VALUES(kind)";

} // namespace

/// Rows that were listed before are counted no longer as they were, and lose their attributes.
void group_writer::forget_places_before() {
  std::vector<std::int64_t> rewritten;
  for (const auto& [key, listed] : visibility_)
    if (listed.is_rewritten)
      rewritten.push_back(key);
  row_batch with_attributes{"DELETE FROM attributes WHERE run_key IN (", ")"};
  std::vector<std::int64_t> found_there;
  select_in(db_, found_by, rewritten, "", [&](const rows& r) {
    auto row = read_found_by(r);
    counts_.remove(row, visibility_.at(row.key).shard);
    if (!row.search_attributes.empty() || !sql::column_elements(row).empty())
      found_there.push_back(row.key);
  });
  for (auto key : found_there)
    with_attributes.add(db_, key);
  with_attributes.flush(db_);
}

void group_writer::flush_visibility() {
  forget_places_before();
  row_batch visibility{visibility_head, visibility_tail};
  row_batch attributes{attributes_head, attributes_tail};
  for (auto& [key, listed] : visibility_) {
    const auto* row = listed.row;
    counts_.add(*row, listed.shard);
    visibility.add(db_, key, close_order(*row), row->start_time, row->execution_time, row->status,
                   row->history_length, row->history_size_bytes, row->state_transition_count,
                   row->namespace_id, row->workflow_id, row->run_id, row->workflow_type,
                   row->task_queue, unless_empty(row->parent_workflow_id),
                   unless_empty(row->parent_run_id), unless_empty(row->root_workflow_id),
                   unless_empty(row->root_run_id), sql::encode_attributes(row->search_attributes),
                   row->info, static_cast<int>(row->kind));
    for (const auto& one : attribute_rows(*row))
      add_attribute_row(db_, attributes, key, one);
  }
  visibility.flush(db_);
  attributes.flush(db_);
  visibility_.clear();
}

// -- sizes ---------------------------------------------------------------------------------------

namespace {

std::size_t visibility_size(const visibility_row& row) {
  std::size_t bytes = literal_size(row.info);
  for (auto text :
       {&row.namespace_id, &row.workflow_id, &row.run_id, &row.workflow_type, &row.task_queue,
        &row.parent_workflow_id, &row.parent_run_id, &row.root_workflow_id, &row.root_run_id})
    bytes += literal_size(*text);
  return bytes + literal_size(sql::encode_attributes(row.search_attributes));
}

} // namespace

std::size_t longest_statement(const transition& t) {
  std::size_t longest = 0;
  auto see = [&](std::size_t bytes) { longest = std::max(longest, bytes); };
  for (auto& w : t.runs) {
    see(literal_size(w.row.events) + literal_size(w.row.facts));
    see(literal_size(w.head.namespace_id) + literal_size(w.head.workflow_id)
        + literal_size(w.head.run_id));
    if (w.snap)
      see(literal_size(w.snap->state));
    if (w.visibility)
      see(visibility_size(*w.visibility));
  }
  for (auto& row : t.backlog_adds)
    see(literal_size(row.queue.namespace_id) + literal_size(row.queue.name)
        + literal_size(row.task_id) + literal_size(row.task));
  for (auto& message : t.inbox_adds)
    see(literal_size(message.message_id) + literal_size(message.sender)
        + literal_size(message.answer));
  return longest + statement_overhead;
}

} // namespace reprise::store::mysql
