// The tables and how they lie on disk.
//
// What a busy server writes most are journal rows, in groups over many runs. They lie in the order
// in which they were committed (`journal` by its row id), so that a group fills a few pages at the
// end of the table; clustered by run they would dirty a page each, and every page goes through the
// WAL whole (measured: 205,000 transitions/s against 92,000). `journal_by_run` finds a run's rows;
// it holds what reads of the history need to place themselves. Heads are keyed by the run's key,
// which grows with time, so the runs that are alive now lie side by side.
#include "store/sqlite/schema.hpp"

#include "base/log.hpp"
#include "store/sqlite/visibility_table.hpp"
#include "store/types.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace reprise::store::sqlite {

namespace {

/// "RPRS": tells our files from other programs' SQLite files.
constexpr std::int64_t application_id = 0x52505253;

/// Above this size the check of the whole file at start would take longer than a start may; what
/// is broken is then found when it is read.
constexpr std::int64_t full_check_bytes_max = std::int64_t{64} << 20;

struct migration {
  const char* sql;
  /// What SQL alone cannot do, behind it.
  void (*then)(database& db) = nullptr;
};

// One entry a version; an entry never changes once it was released.
constexpr std::array migrations{
  migration{R"sql(
CREATE TABLE slots(slot INTEGER PRIMARY KEY, epoch INTEGER NOT NULL);
CREATE TABLE runs(
  run_key INTEGER PRIMARY KEY,
  last_seq INTEGER NOT NULL,
  next_event_id INTEGER NOT NULL,
  status INTEGER NOT NULL,
  timer_at INTEGER,
  offer_at INTEGER,
  slot INTEGER NOT NULL,
  namespace_id TEXT NOT NULL,
  workflow_id TEXT NOT NULL,
  run_id TEXT NOT NULL);
CREATE UNIQUE INDEX runs_by_run_id ON runs(run_id);
CREATE INDEX runs_by_timer ON runs(timer_at) WHERE timer_at IS NOT NULL;
CREATE INDEX runs_by_offer ON runs(offer_at) WHERE offer_at IS NOT NULL;
CREATE TABLE run_ids(
  id_hash INTEGER NOT NULL,
  run_key INTEGER NOT NULL,
  is_current INTEGER NOT NULL,
  PRIMARY KEY(id_hash, run_key)) WITHOUT ROWID;
CREATE TABLE journal(
  id INTEGER PRIMARY KEY,
  run_key INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  first_event_id INTEGER NOT NULL,
  event_count INTEGER NOT NULL,
  events BLOB NOT NULL,
  facts BLOB NOT NULL);
CREATE INDEX journal_by_run ON journal(run_key, seq, first_event_id, event_count);
CREATE TABLE snapshots(
  run_key INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL,
  facts_forgotten_to INTEGER NOT NULL DEFAULT 0,
  state BLOB NOT NULL);
CREATE TABLE visibility(
  run_key INTEGER PRIMARY KEY,
  close_order INTEGER NOT NULL,
  start_time INTEGER NOT NULL,
  execution_time INTEGER NOT NULL,
  status INTEGER NOT NULL,
  history_length INTEGER NOT NULL,
  history_size_bytes INTEGER NOT NULL,
  state_transitions INTEGER NOT NULL,
  namespace_id TEXT NOT NULL,
  workflow_id TEXT NOT NULL,
  run_id TEXT NOT NULL,
  workflow_type TEXT NOT NULL,
  task_queue TEXT NOT NULL,
  parent_workflow_id TEXT,
  parent_run_id TEXT,
  root_workflow_id TEXT,
  root_run_id TEXT,
  attributes BLOB NOT NULL,
  info BLOB NOT NULL);
CREATE INDEX visibility_in_order
  ON visibility(namespace_id, close_order DESC, start_time DESC, run_key DESC);
CREATE TABLE attributes(
  run_key INTEGER NOT NULL,
  name TEXT NOT NULL,
  place INTEGER NOT NULL,
  type INTEGER NOT NULL,
  text_value TEXT,
  integer_value INTEGER,
  real_value REAL,
  PRIMARY KEY(run_key, name, place)) WITHOUT ROWID;
CREATE TABLE backlog(
  namespace_id TEXT NOT NULL,
  queue TEXT NOT NULL,
  kind INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  task BLOB NOT NULL,
  PRIMARY KEY(namespace_id, queue, kind, priority, seq)) WITHOUT ROWID;
CREATE TABLE namespaces(
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL,
  record BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE cluster_facts(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE health(id INTEGER PRIMARY KEY, checks INTEGER NOT NULL);
INSERT INTO health VALUES(1, 0);
WITH RECURSIVE n(slot) AS (SELECT 0 UNION ALL SELECT slot + 1 FROM n WHERE slot < 4095)
  INSERT INTO slots SELECT slot, 0 FROM n;
)sql"},
  // Rows of a backlog may go: their tasks are offered again when the slots are taken over.
  migration{R"sql(
DROP TABLE backlog;
CREATE TABLE backlog(
  namespace_id TEXT NOT NULL,
  queue TEXT NOT NULL,
  kind INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  task_id TEXT,
  task BLOB NOT NULL,
  PRIMARY KEY(namespace_id, queue, kind, priority, seq)) WITHOUT ROWID;
CREATE UNIQUE INDEX backlog_by_task ON backlog(task_id) WHERE task_id IS NOT NULL;
)sql"},
  // Queries find attributes in the blob of the row that lists the run (attribute_table).
  migration{R"sql(
DROP TABLE IF EXISTS attributes;
)sql"},
  // Durable actors of several kinds, and the messages between them. The messages lie by their ids,
  // which begin with the run that sent them, so by time.
  migration{R"sql(
ALTER TABLE runs ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;
ALTER TABLE visibility ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;
CREATE TABLE inbox(
  message_id TEXT NOT NULL,
  slot INTEGER NOT NULL,
  range_id INTEGER NOT NULL,
  taken_at INTEGER NOT NULL,
  forgotten_at INTEGER,
  sender BLOB NOT NULL,
  answer BLOB NOT NULL,
  PRIMARY KEY(message_id, slot)) WITHOUT ROWID;
CREATE INDEX inbox_by_age ON inbox(range_id, forgotten_at, taken_at);
DROP INDEX visibility_in_order;
CREATE INDEX visibility_in_order
  ON visibility(namespace_id, kind, close_order DESC, start_time DESC, run_key DESC);
)sql"},
  // Histories on their way into runs that do not exist yet: whose journal rows they are.
  migration{R"sql(
CREATE TABLE copies(
  run_key INTEGER PRIMARY KEY,
  begun_at INTEGER NOT NULL,
  is_dropped INTEGER NOT NULL DEFAULT 0);
)sql"},
  // Runs by the values of their attributes, in the order of lists, and how many are listed.
  migration{R"sql(
CREATE TABLE attribute_values(
  value_hash INTEGER NOT NULL,
  close_order INTEGER NOT NULL,
  start_time INTEGER NOT NULL,
  run_key INTEGER NOT NULL,
  PRIMARY KEY(value_hash, close_order DESC, start_time DESC, run_key DESC)) WITHOUT ROWID;
CREATE TABLE listed_counts(
  namespace_id TEXT NOT NULL,
  kind INTEGER NOT NULL,
  workflow_type TEXT NOT NULL,
  status INTEGER NOT NULL,
  runs INTEGER NOT NULL,
  PRIMARY KEY(namespace_id, kind, workflow_type, status)) WITHOUT ROWID;
)sql",
            &index_visibility},
};

/// What each does, for people, and which tables it goes through.
struct migration_note {
  const char* about;
  std::array<const char*, 2> tables{};
};

constexpr std::array notes{
  migration_note{"the tables"},
  migration_note{"backlogs by task; what waits there is offered again", {"backlog"}},
  migration_note{"attributes without a table of their own"},
  migration_note{"durable actors of several kinds, and messages between them",
                 {"runs", "visibility"}},
  migration_note{"copies of histories"},
  migration_note{"lists and counts by the values of attributes", {"visibility"}},
};

static_assert(notes.size() == migrations.size(), "each migration says what it does");

static_assert(slot_count == 4096, "the first migration makes the rows of all slots");

error refuse(const std::string& path, const std::string& what) {
  return make_error(errc::failed_precondition, "The store file " + path + " " + what);
}

error refuse_corrupt(const std::string& path, const std::string& detail) {
  return refuse(path, "is damaged (" + detail
                        + "). Restore it from a backup, or move it away to start with an empty "
                          "store.");
}

error refuse_foreign(const std::string& path) {
  return refuse(path, "is not a store of reprise: it belongs to another program, or its beginning "
                      "is damaged. Choose another file name, move that file away, or restore it "
                      "from a backup.");
}

/// As the VFS sees it that the file is read by.
std::int64_t file_size(database& db) {
  sqlite3_file* file = nullptr;
  sqlite3_int64 size = 0;
  if (sqlite3_file_control(db.handle(), "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK
      || file == nullptr || file->pMethods->xFileSize(file, &size) != SQLITE_OK)
    throw failure{SQLITE_IOERR, "its size cannot be read"};
  return size;
}

result<void> check_whole(database& db, const std::string& path) {
  auto bytes = db.read_integer("PRAGMA page_count") * db.read_integer("PRAGMA page_size");
  // With the WAL emptied into it, the file holds all its pages, or it was cut.
  db.execute("PRAGMA wal_checkpoint(TRUNCATE)");
  if (file_size(db) < bytes)
    return refuse_corrupt(path, "it is shorter than it says");
  if (bytes > full_check_bytes_max)
    return {};
  auto check = db.prepare("PRAGMA quick_check(1)");
  if (!check.step() || check.text(0) != "ok")
    return refuse_corrupt(path, check.string(0));
  return {};
}

bool has_table(database& db, const std::string& name) {
  auto found = db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?");
  found.bind(std::string_view{name});
  return found.step();
}

migration_plan plan_from(database& db, std::int64_t from) {
  migration_plan out{.stored = from, .known = static_cast<std::int64_t>(migrations.size())};
  for (auto version = static_cast<std::size_t>(from); version < notes.size(); ++version) {
    const auto& note = notes[version];
    migration_step step{.version = static_cast<std::int64_t>(version) + 1, .about = note.about};
    for (const auto* table : note.tables)
      if (table != nullptr && has_table(db, table))
        step.rows.emplace_back(table,
                               db.read_integer(std::string{"SELECT count(*) FROM "} + table));
    out.steps.push_back(std::move(step));
  }
  return out;
}

/// In a transaction of its own, which stays open.
void run_migrations(database& db, std::int64_t from) {
  db.execute("BEGIN IMMEDIATE");
  for (auto version = static_cast<std::size_t>(from); version < migrations.size(); ++version) {
    const auto& step = migrations[version];
    db.execute(step.sql);
    if (step.then != nullptr)
      step.then(db);
  }
  db.execute("PRAGMA application_id = " + std::to_string(application_id));
  db.execute("PRAGMA user_version = " + std::to_string(migrations.size()));
}

/// A start that takes long says why.
void migrate(database& db, std::int64_t from) {
  auto plan = plan_from(db, from);
  for (const auto& step : plan.steps) {
    std::string rows;
    for (const auto& [table, count] : step.rows)
      rows += (rows.empty() ? "; rows of " : ", ") + table + ": " + std::to_string(count);
    if (from > 0)
      log(log_level::info,
          "the store's schema becomes " + std::to_string(step.version) + ": " + step.about + rows);
  }
  run_migrations(db, from);
  db.execute("COMMIT");
}

constexpr auto known_version = static_cast<std::int64_t>(migrations.size());

/// The version of its schema; 0: there is nothing in it yet.
result<std::int64_t> read_version(database& db, const std::string& path) {
  auto application = db.read_integer("PRAGMA application_id");
  auto version = db.read_integer("PRAGMA user_version");
  if (application == 0 && version == 0
      && db.read_integer("SELECT count(*) FROM sqlite_master") == 0)
    return 0;
  if (application != application_id)
    return refuse_foreign(path);
  if (version > known_version)
    return refuse(path, "was written by a newer version of reprise (its schema is "
                          + std::to_string(version) + ", this program knows "
                          + std::to_string(known_version)
                          + "). Use that version, or another file.");
  if (version < 1)
    return refuse_corrupt(path, "it has no schema version");
  return version;
}

result<void> open_or_refuse(database& db, const std::string& path) {
  auto version = read_version(db, path);
  if (!version)
    return version.error();
  if (*version > 0)
    if (auto whole = check_whole(db, path); !whole)
      return whole;
  db.execute("PRAGMA synchronous = FULL");
  db.execute("PRAGMA journal_mode = WAL");
  if (*version < known_version)
    migrate(db, *version);
  if (db.read_integer("SELECT count(*) FROM slots") != slot_count)
    return refuse_corrupt(path, "its table of slots is not complete");
  return {};
}

} // namespace

result<migration_plan> try_migration(database& db, const std::string& path) {
  auto tried = [&]() -> result<migration_plan> {
    auto version = read_version(db, path);
    if (!version)
      return version.error();
    if (*version > 0)
      if (auto whole = check_whole(db, path); !whole)
        return whole.error();
    auto plan = plan_from(db, *version);
    auto pages = db.read_integer("PRAGMA page_count");
    if (*version < known_version) {
      run_migrations(db, *version);
      plan.growth = (db.read_integer("PRAGMA page_count") - pages)
                    * db.read_integer("PRAGMA page_size");
    }
    return plan;
  };
  try {
    auto out = tried();
    db.roll_back();
    return out;
  } catch (const failure& f) {
    db.roll_back();
    return refuse(path, std::string{"cannot be migrated: "} + f.what() + ".");
  }
}

result<std::int64_t> check_copy(database& db, const std::string& path) {
  try {
    auto version = read_version(db, path);
    if (version && *version == 0)
      return refuse(path, "is empty.");
    if (!version)
      return version;
    if (file_size(db) < db.read_integer("PRAGMA page_count") * db.read_integer("PRAGMA page_size"))
      return refuse_corrupt(path, "it is shorter than it says");
    auto check = db.prepare("PRAGMA quick_check(1)");
    if (!check.step() || check.text(0) != "ok")
      return refuse_corrupt(path, check.string(0));
    return version;
  } catch (const failure& f) {
    if (f.primary_code() == SQLITE_NOTADB)
      return refuse_foreign(path);
    return refuse_corrupt(path, f.what());
  }
}

result<void> open_schema(database& db, const std::string& path) {
  try {
    auto opened = open_or_refuse(db, path);
    db.roll_back();
    return opened;
  } catch (const failure& f) {
    db.roll_back();
    if (f.primary_code() == SQLITE_NOTADB)
      return refuse_foreign(path);
    if (f.primary_code() == SQLITE_CORRUPT || f.primary_code() == SQLITE_ERROR)
      return refuse_corrupt(path, f.what());
    return refuse(path, std::string{"cannot be opened: "} + f.what() + ".");
  }
}

} // namespace reprise::store::sqlite
