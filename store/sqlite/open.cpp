#include "store/sqlite/schema.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace reprise::store {

namespace sqlite {

namespace {

/// The pages that are written to most stay in memory: heads, the ends of the journal and indexes.
constexpr int writer_cache_kib = 64 * 1024;

/// SQLite counts every allocation under one process-wide mutex unless told not to.
void configure_library() {
  static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  // Refused when SQLite is in use already, which is as good, only slower.
  static_cast<void>(configured);
}

void tune_writer(database& db) {
  db.execute("PRAGMA cache_size = -" + std::to_string(writer_cache_kib));
  db.execute("PRAGMA temp_store = MEMORY");
  // Debian's build overwrites deleted content with zeros by default: twice the writes.
  db.execute("PRAGMA secure_delete = OFF");
  db.execute("PRAGMA wal_autocheckpoint = 4000");
  db.execute("PRAGMA journal_size_limit = 67108864");
}

} // namespace

} // namespace sqlite

result<std::unique_ptr<store>> open_sqlite(const sqlite_options& options) {
  using namespace sqlite;
  configure_library();
  auto lock = file_lock::acquire(options.path);
  if (!lock)
    return lock.error();
  try {
    auto vfs = std::make_unique<gathering_vfs>(options.vfs);
    auto writer = std::make_unique<database>(options.path, vfs->name(),
                                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    sqlite3_busy_timeout(writer->handle(), 5000);
    if (auto opened = open_schema(*writer, options.path); !opened)
      return opened.error();
    tune_writer(*writer);
    return std::unique_ptr<store>{std::make_unique<sqlite_store>(std::move(*lock), std::move(vfs),
                                                                 std::move(writer), options.path)};
  } catch (const failure& f) {
    return make_error(errc::failed_precondition,
                      "The store file " + options.path + " cannot be opened: " + f.what() + ".");
  }
}

} // namespace reprise::store
