// The tables, InnoDB throughout. Ids are VARBINARY: they compare by bytes, with trailing spaces,
// which no text collation that MariaDB and MySQL share would do. Rows of a run cluster by its key,
// which grows with time; unlike SQLite, InnoDB logs rows and not pages, so the journal may cluster
// by run.
#include "store/mysql/schema.hpp"

#include "base/log.hpp"
#include "store/mysql/attribute_rows.hpp"
#include "store/mysql/literal.hpp"
#include "store/sql/attribute_codec.hpp"
#include "store/types.hpp"

#include <array>
#include <limits>
#include <vector>

namespace reprise::store::mysql {

namespace {

struct migration {
  std::vector<const char*> statements{};
  /// What statements alone cannot do, behind them.
  void (*then)(connection& db) = nullptr;
};

/// Puts the words of Text attributes anew as words_of() has them now.
void rewrite_words(connection& db) {
  constexpr int rows_a_turn = 200;
  auto type = static_cast<int>(value_type::text);
  std::int64_t behind = std::numeric_limits<std::int64_t>::min();
  for (bool more = true; more;) {
    auto found = db.query(fill("SELECT v.run_key, v.attributes FROM visibility v WHERE "
                               "v.run_key > ? AND EXISTS (SELECT 1 FROM attributes a "
                               "WHERE a.run_key = v.run_key AND a.type = ?) "
                               "ORDER BY v.run_key LIMIT ?",
                               behind, type, rows_a_turn));
    db.execute("START TRANSACTION");
    for (more = false; found.next(); more = true) {
      behind = found.integer(1);
      auto attributes = sql::decode_attributes(found.text(2));
      if (!attributes)
        continue;
      db.execute(fill("DELETE FROM attributes WHERE run_key = ? AND type = ?", behind, type));
      for (const auto& e : sql::elements_of(*attributes))
        if (e.type == value_type::text)
          db.execute(fill("INSERT INTO attributes(run_key, name, place, type, text_value) "
                          "VALUES(?, ?, ?, ?, ?)",
                          behind, e.name, e.place, type, e.text));
    }
    db.execute("COMMIT");
  }
}

bool finds(connection& db, const std::string& text) {
  return db.query(text).next();
}

bool has_table(connection& db, const std::string& table) {
  return finds(db, fill("SELECT 1 FROM information_schema.tables "
                        "WHERE table_schema = DATABASE() AND table_name = ?",
                        table));
}

/// As ADD COLUMN IF NOT EXISTS, which MySQL does not have.
void add_column(connection& db, const std::string& table, const std::string& column,
                const std::string& definition) {
  if (!finds(db, fill("SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() "
                      "AND table_name = ? AND column_name = ?",
                      table, column)))
    db.execute("ALTER TABLE " + table + " ADD COLUMN " + column + " " + definition);
}

bool has_key(connection& db, const std::string& table, const std::string& key) {
  return finds(db, fill("SELECT 1 FROM information_schema.statistics WHERE table_schema = "
                        "DATABASE() AND table_name = ? AND index_name = ?",
                        table, key));
}

void add_kinds(connection& db) {
  add_column(db, "runs", "kind", "INT NOT NULL DEFAULT 0");
  add_column(db, "visibility", "kind", "INT NOT NULL DEFAULT 0");
  // Every list and count is of one kind.
  if (!has_key(db, "visibility", "visibility_by_kind"))
    db.execute("ALTER TABLE visibility ADD KEY visibility_by_kind"
               "(namespace_id, kind, close_order, start_time, run_key)");
  if (has_key(db, "visibility", "visibility_in_order"))
    db.execute("ALTER TABLE visibility DROP KEY visibility_in_order");
}

/// What of a row decides where it is found.
visibility_row read_found_by(const rows& r) {
  visibility_row row{.key = r.integer(1),
                     .namespace_id = r.text(4),
                     .kind = static_cast<machine_kind>(r.integer(5)),
                     .workflow_type = r.text(7),
                     .status = static_cast<int>(r.integer(6)),
                     .start_time = from_nanoseconds(r.integer(3)),
                     .parent_workflow_id = r.text(8)};
  if (r.integer(2) != open_run_order)
    row.close_time = from_nanoseconds(r.integer(2));
  if (auto attributes = sql::decode_attributes(r.text(9)))
    row.search_attributes = std::move(*attributes);
  return row;
}

/// Where queries find rows that are listed already, and how many they are.
void index_visibility(connection& db) {
  add_column(db, "attributes", "value_hash", "BIGINT");
  add_column(db, "attributes", "close_order", "BIGINT");
  add_column(db, "attributes", "start_time", "BIGINT");
  db.execute("DELETE FROM listed_counts");
  constexpr int rows_a_turn = 200;
  std::int64_t behind = std::numeric_limits<std::int64_t>::min();
  sql::count_changes counts;
  for (bool more = true; more;) {
    auto found = db.query(fill("SELECT v.run_key, v.close_order, v.start_time, v.namespace_id, "
                               "v.kind, v.status, v.workflow_type, v.parent_workflow_id, "
                               "v.attributes, r.slot FROM visibility v JOIN runs r "
                               "ON r.run_key = v.run_key WHERE v.run_key > ? "
                               "ORDER BY v.run_key LIMIT ?",
                               behind, rows_a_turn));
    db.execute("START TRANSACTION");
    for (more = false; found.next(); more = true) {
      auto row = read_found_by(found);
      behind = row.key;
      counts.add(row, int{range_of(static_cast<slot_id>(found.integer(10)))});
      auto all = attribute_rows(row);
      if (all.empty())
        continue;
      db.execute(fill("DELETE FROM attributes WHERE run_key = ?", behind));
      row_batch attributes{attributes_head, attributes_tail};
      for (const auto& one : all)
        add_attribute_row(db, attributes, behind, one);
      attributes.flush(db);
    }
    db.execute("COMMIT");
  }
  db.execute("START TRANSACTION");
  write_counts(db, counts);
  db.execute("COMMIT");
  if (!has_key(db, "attributes", "attributes_by_value"))
    db.execute("ALTER TABLE attributes ADD KEY attributes_by_value"
               "(value_hash, close_order, start_time, run_key)");
}

/// Servers of before do not know the fence: they must neither take slots from one that writes
/// behind it, nor believe in a lease that they cannot renew. The one that has the lease keeps its
/// time, and renews it no more from one moment to the next.
void rename_lease(connection& db) {
  if (has_table(db, "lease") && !has_table(db, "slots_lease"))
    db.execute("RENAME TABLE lease TO slots_lease");
}

/// The server of before that has the lease is a member for as long as it has it, and cannot renew
/// it any more: it is fenced, and its slots are taken, when that time is over.
void turn_lease_into_member(connection& db) {
  if (!has_table(db, "slots_lease"))
    return;
  auto lease = db.query("SELECT TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), expires_at) "
                        "FROM slots_lease WHERE owner <> '' AND expires_at > UTC_TIMESTAMP(6)");
  auto fence = db.query("SELECT incarnation FROM fences WHERE alive = 1");
  if (lease.next() && fence.next()) {
    db.execute(fill("INSERT IGNORE INTO members(incarnation, life, name, link_address, "
                    "program_version, lease_us, renewals, draining, joined) "
                    "VALUES(?, 0, 'a server of before', '', '', ?, 0, 0, 0)",
                    fence.integer(1), lease.integer(1)));
    db.execute(fill("UPDATE ranges SET owner = ?", fence.integer(1)));
  }
  db.execute("DROP TABLE slots_lease");
}

/// Slots are owned in ranges: the epoch of a range is the highest of its slots.
void make_ranges(connection& db) {
  add_column(db, "fences", "joined", "BIGINT NOT NULL DEFAULT 0");
  if (has_table(db, "slots"))
    db.execute(fill("INSERT IGNORE INTO ranges(range_id, owner, epoch) "
                    "SELECT slot DIV ?, 0, MAX(epoch) FROM slots GROUP BY slot DIV ?",
                    std::int64_t{slots_a_range}, std::int64_t{slots_a_range}));
  turn_lease_into_member(db);
  db.execute("DROP TABLE IF EXISTS slots");
}

// One entry a version; an entry never changes once it was released. DDL commits by itself, so each
// statement must do no harm when it runs again after a crash between two of them.
const std::array migrations{
  migration{{
    "CREATE TABLE IF NOT EXISTS slots("
    "slot INT NOT NULL PRIMARY KEY, epoch BIGINT NOT NULL, "
    "raised_by BIGINT NOT NULL DEFAULT 0) ENGINE=InnoDB",
    "CREATE TABLE IF NOT EXISTS lease("
    "id INT NOT NULL PRIMARY KEY, owner VARBINARY(255) NOT NULL, "
    "expires_at DATETIME(6) NOT NULL) ENGINE=InnoDB",
    "INSERT IGNORE INTO lease VALUES(1, '', '2000-01-01 00:00:00')",
    "CREATE TABLE IF NOT EXISTS runs("
    "run_key BIGINT NOT NULL PRIMARY KEY, last_seq BIGINT NOT NULL, "
    "next_event_id BIGINT NOT NULL, status INT NOT NULL, timer_at BIGINT, offer_at BIGINT, "
    "slot INT NOT NULL, namespace_id VARBINARY(255) NOT NULL, "
    "workflow_id VARBINARY(1000) NOT NULL, run_id VARBINARY(1000) NOT NULL, "
    "UNIQUE KEY runs_by_run_id(run_id), KEY runs_by_timer(timer_at, run_key), "
    "KEY runs_by_offer(offer_at, run_key)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC",
    "CREATE TABLE IF NOT EXISTS run_ids("
    "id_hash BIGINT NOT NULL, run_key BIGINT NOT NULL, is_current INT NOT NULL, "
    "PRIMARY KEY(id_hash, run_key)) ENGINE=InnoDB",
    "CREATE TABLE IF NOT EXISTS journal("
    "run_key BIGINT NOT NULL, seq BIGINT NOT NULL, first_event_id BIGINT NOT NULL, "
    "event_count INT NOT NULL, events LONGBLOB NOT NULL, facts LONGBLOB NOT NULL, "
    "PRIMARY KEY(run_key, seq)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC",
    "CREATE TABLE IF NOT EXISTS snapshots("
    "run_key BIGINT NOT NULL PRIMARY KEY, seq BIGINT NOT NULL, "
    "facts_forgotten_to BIGINT NOT NULL DEFAULT 0, state LONGBLOB NOT NULL) "
    "ENGINE=InnoDB ROW_FORMAT=DYNAMIC",
    "CREATE TABLE IF NOT EXISTS visibility("
    "run_key BIGINT NOT NULL PRIMARY KEY, close_order BIGINT NOT NULL, "
    "start_time BIGINT NOT NULL, execution_time BIGINT NOT NULL, status INT NOT NULL, "
    "history_length BIGINT NOT NULL, history_size_bytes BIGINT NOT NULL, "
    "state_transitions BIGINT NOT NULL, namespace_id VARBINARY(255) NOT NULL, "
    "workflow_id VARBINARY(1000) NOT NULL, run_id VARBINARY(1000) NOT NULL, "
    "workflow_type VARBINARY(1000) NOT NULL, task_queue VARBINARY(1000) NOT NULL, "
    "parent_workflow_id VARBINARY(1000), parent_run_id VARBINARY(1000), "
    "root_workflow_id VARBINARY(1000), root_run_id VARBINARY(1000), "
    "attributes LONGBLOB NOT NULL, info LONGBLOB NOT NULL, "
    "KEY visibility_in_order(namespace_id, close_order, start_time, run_key)) "
    "ENGINE=InnoDB ROW_FORMAT=DYNAMIC",
    "CREATE TABLE IF NOT EXISTS attributes("
    "run_key BIGINT NOT NULL, name VARBINARY(1000) NOT NULL, place INT NOT NULL, "
    "type INT NOT NULL, text_value LONGBLOB, integer_value BIGINT, real_value DOUBLE, "
    "PRIMARY KEY(run_key, name, place)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC",
    "CREATE TABLE IF NOT EXISTS backlog("
    "namespace_id VARBINARY(255) NOT NULL, queue VARBINARY(1000) NOT NULL, kind INT NOT NULL, "
    "priority INT NOT NULL, seq BIGINT NOT NULL, task LONGBLOB NOT NULL, "
    "PRIMARY KEY(namespace_id, queue, kind, priority, seq)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC",
    "CREATE TABLE IF NOT EXISTS namespaces("
    "id VARBINARY(255) NOT NULL PRIMARY KEY, name VARBINARY(1000) NOT NULL, "
    "version BIGINT NOT NULL, record LONGBLOB NOT NULL, UNIQUE KEY namespaces_by_name(name)) "
    "ENGINE=InnoDB ROW_FORMAT=DYNAMIC",
    "CREATE TABLE IF NOT EXISTS cluster_facts("
    "name VARBINARY(255) NOT NULL PRIMARY KEY, value LONGBLOB NOT NULL) "
    "ENGINE=InnoDB ROW_FORMAT=DYNAMIC",
    "CREATE TABLE IF NOT EXISTS health(id INT NOT NULL PRIMARY KEY, checks BIGINT NOT NULL) "
    "ENGINE=InnoDB",
    "INSERT IGNORE INTO health VALUES(1, 0)",
  }},
  // Rows of a backlog may go: their tasks are offered again when the slots are taken over.
  migration{{
    "DROP TABLE IF EXISTS backlog",
    "CREATE TABLE IF NOT EXISTS backlog("
    "namespace_id VARBINARY(255) NOT NULL, queue VARBINARY(1000) NOT NULL, kind INT NOT NULL, "
    "priority INT NOT NULL, seq BIGINT NOT NULL, task_id VARBINARY(1200), "
    "task LONGBLOB NOT NULL, PRIMARY KEY(namespace_id, queue, kind, priority, seq), "
    "UNIQUE KEY backlog_by_task(task_id)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC",
  }},
  // The statement that updates many rows names only the columns that change (flush_heads).
  migration{{
    "ALTER TABLE runs ALTER COLUMN slot SET DEFAULT 0, "
    "ALTER COLUMN namespace_id SET DEFAULT '', ALTER COLUMN workflow_id SET DEFAULT '', "
    "ALTER COLUMN run_id SET DEFAULT ''",
  }},
  // Words of texts by UAX 29, in one case.
  migration{.then = &rewrite_words},
  // Durable actors of several kinds, and the messages between them. The messages lie by their ids,
  // which begin with the run that sent them, so by time.
  migration{
    .statements = {"CREATE TABLE IF NOT EXISTS inbox("
                   "message_id VARBINARY(1000) NOT NULL, slot INT NOT NULL, range_id INT NOT NULL, "
                   "taken_at BIGINT NOT NULL, forgotten_at BIGINT, sender LONGBLOB NOT NULL, "
                   "answer LONGBLOB NOT NULL, PRIMARY KEY(message_id, slot), "
                   "KEY inbox_by_age(range_id, forgotten_at, taken_at)) "
                   "ENGINE=InnoDB ROW_FORMAT=DYNAMIC"},
    .then = &add_kinds,
  },
  // Histories on their way into runs that do not exist yet: whose journal rows they are.
  migration{{
    "CREATE TABLE IF NOT EXISTS copies("
    "run_key BIGINT NOT NULL PRIMARY KEY, begun_at BIGINT NOT NULL, "
    "is_dropped INT NOT NULL DEFAULT 0) ENGINE=InnoDB",
  }},
  // Runs by the values of their attributes, in the order of lists, and how many are listed.
  migration{
    .statements = {"CREATE TABLE IF NOT EXISTS listed_counts("
                   "namespace_id VARBINARY(255) NOT NULL, kind INT NOT NULL, shard INT NOT NULL, "
                   "workflow_type VARBINARY(1000) NOT NULL, status INT NOT NULL, "
                   "runs BIGINT NOT NULL, "
                   "PRIMARY KEY(namespace_id, kind, workflow_type, status, shard)) "
                   "ENGINE=InnoDB ROW_FORMAT=DYNAMIC"},
    .then = &index_visibility,
  },
  // By which a server may write, and how many groups of it are durable (fence.hpp).
  migration{
    .statements = {"CREATE TABLE IF NOT EXISTS fences("
                   "incarnation BIGINT NOT NULL PRIMARY KEY, alive INT NOT NULL, "
                   "commits BIGINT NOT NULL, session BIGINT NOT NULL, sessions BIGINT NOT NULL, "
                   "ended_at DATETIME(6)) ENGINE=InnoDB"},
    .then = &rename_lease,
  },
  // Who shares the database and owns which slots (members.cpp), and what all of them know alike.
  migration{
    .statements = {"CREATE TABLE IF NOT EXISTS members("
                   "incarnation BIGINT NOT NULL PRIMARY KEY, life BIGINT NOT NULL, "
                   "name VARBINARY(1000) NOT NULL, link_address VARBINARY(1000) NOT NULL, "
                   "program_version VARBINARY(255) NOT NULL, lease_us BIGINT NOT NULL, "
                   "renewals BIGINT NOT NULL, draining INT NOT NULL, joined BIGINT NOT NULL) "
                   "ENGINE=InnoDB ROW_FORMAT=DYNAMIC",
                   "CREATE TABLE IF NOT EXISTS ranges("
                   "range_id INT NOT NULL PRIMARY KEY, owner BIGINT NOT NULL, "
                   "epoch BIGINT NOT NULL, KEY ranges_by_owner(owner)) ENGINE=InnoDB",
                   "CREATE TABLE IF NOT EXISTS registry("
                   "id INT NOT NULL PRIMARY KEY, version BIGINT NOT NULL, joins BIGINT NOT NULL) "
                   "ENGINE=InnoDB",
                   "INSERT IGNORE INTO registry VALUES(1, 0, 0)"},
    .then = &make_ranges,
  },
};

/// What each does, for people, and which tables it goes through.
struct migration_note {
  const char* about;
  std::array<const char*, 2> tables{};
};

const std::array notes{
  migration_note{"the tables"},
  migration_note{"backlogs by task; what waits there is offered again", {"backlog"}},
  migration_note{"defaults of the heads' columns", {"runs"}},
  migration_note{"words of Text attributes by UAX 29", {"visibility", "attributes"}},
  migration_note{"durable actors of several kinds, and messages between them",
                 {"runs", "visibility"}},
  migration_note{"copies of histories"},
  migration_note{"lists and counts by the values of attributes", {"visibility", "attributes"}},
  migration_note{"fences, by which servers write; those of before must be stopped first"},
  migration_note{"members, and ranges of slots; servers of before must be stopped first"},
};

static_assert(notes.size() == migrations.size(), "each migration says what it does");

void fill_slots(connection& db) {
  auto have = db.query("SELECT COUNT(*) FROM slots");
  have.next();
  if (have.integer(1) == slot_count)
    return;
  std::string text = "INSERT IGNORE INTO slots(slot, epoch) VALUES ";
  for (std::uint32_t slot = 0; slot < slot_count; ++slot) {
    if (slot != 0)
      text += ',';
    put_row(text, static_cast<int>(slot), 0);
  }
  db.execute(text);
}

std::int64_t stored_version(connection& db) {
  db.execute("CREATE TABLE IF NOT EXISTS schema_version("
             "id INT NOT NULL PRIMARY KEY, version INT NOT NULL) ENGINE=InnoDB");
  db.execute("INSERT IGNORE INTO schema_version VALUES(1, 0)");
  auto answer = db.query("SELECT version FROM schema_version WHERE id = 1");
  answer.next();
  return answer.integer(1);
}

error newer(const dsn& address, std::int64_t version) {
  return make_error(errc::failed_precondition,
                    "The database " + address.database
                      + " was written by a newer version of reprise (its schema is "
                      + std::to_string(version) + ", this program knows "
                      + std::to_string(migrations.size())
                      + "). Use that version, or another database.");
}

migration_step step_to(connection& db, std::int64_t version) {
  const auto& note = notes[static_cast<std::size_t>(version) - 1];
  migration_step out{.version = version, .about = note.about};
  for (const auto* table : note.tables) {
    if (table == nullptr || !has_table(db, table))
      continue;
    auto counted = db.query(std::string{"SELECT COUNT(*) FROM "} + table);
    counted.next();
    out.rows.emplace_back(table, counted.integer(1));
  }
  return out;
}

result<void> migrate(connection& db, const dsn& address) {
  auto known = static_cast<std::int64_t>(migrations.size());
  auto version = stored_version(db);
  if (version > known)
    return newer(address, version);
  auto is_new = version == 0;
  for (; version < known; ++version) {
    const auto& step = migrations[static_cast<std::size_t>(version)];
    // A start that takes long says why. Not counted: that would make it longer.
    if (!is_new)
      log(log_level::info, "the database's schema becomes " + std::to_string(version + 1) + ": "
                             + notes[static_cast<std::size_t>(version)].about);
    for (const auto* statement : step.statements)
      db.execute(statement);
    if (step.then != nullptr)
      step.then(db);
    if (version == 0)
      fill_slots(db);
    db.execute(fill("UPDATE schema_version SET version = ? WHERE id = 1", version + 1));
  }
  return {};
}

} // namespace

result<migration_plan> plan_migration(const dsn& address) {
  migration_plan out{.known = static_cast<std::int64_t>(migrations.size())};
  connection server{address, "", role::reader};
  auto exists = finds(server, fill("SELECT 1 FROM information_schema.tables WHERE table_schema = ? "
                                   "AND table_name = 'schema_version'",
                                   address.database));
  auto name = exists ? address.database : std::string{};
  connection db{address, name, role::reader};
  if (exists) {
    auto version = db.query("SELECT version FROM schema_version WHERE id = 1");
    out.stored = version.next() ? version.integer(1) : 0;
  }
  if (out.stored > out.known)
    return newer(address, out.stored);
  for (auto version = out.stored + 1; version <= out.known; ++version)
    out.steps.push_back(step_to(db, version));
  return out;
}

result<void> open_schema(const dsn& address) {
  {
    connection server{address, "", role::reader};
    server.execute("CREATE DATABASE IF NOT EXISTS `" + address.database
                   + "` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
  }
  connection db{address, address.database, role::reader};
  // Nodes that start together take turns; the lock goes with the session.
  auto turn = db.query(fill("SELECT GET_LOCK(CONCAT('reprise ', MD5(DATABASE())), 60)"));
  if (!turn.next() || turn.integer(1) != 1)
    return make_error(errc::unavailable, "Another node has been migrating the database for more "
                                         "than a minute. Try again.");
  return migrate(db, address);
}

} // namespace reprise::store::mysql
