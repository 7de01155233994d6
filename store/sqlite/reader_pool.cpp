#include "store/sqlite/reader_pool.hpp"

#include "store/sqlite/attribute_table.hpp"
#include "store/sqlite/match_function.hpp"

namespace reprise::store::sqlite {

namespace {

/// Each connection has a page cache of its own.
constexpr int cache_kib_per_reader = 4096;

} // namespace

reader_pool::reader_pool(std::string path, std::string vfs, int size)
  : path_(std::move(path)), vfs_(std::move(vfs)), size_(size) {
  idle_.reserve(static_cast<std::size_t>(size));
}

std::unique_ptr<database> reader_pool::open() const {
  auto db = std::make_unique<database>(path_, vfs_, SQLITE_OPEN_READWRITE);
  sqlite3_busy_timeout(db->handle(), 5000);
  db->execute("PRAGMA cache_size = -" + std::to_string(cache_kib_per_reader));
  db->execute("PRAGMA temp_store = MEMORY");
  db->execute("PRAGMA query_only = ON");
  add_attribute_table(db->handle());
  add_match_function(*db);
  return db;
}

reader_pool::loan reader_pool::borrow() {
  std::unique_lock lock{mutex_};
  returned_.wait(lock, [&] { return !idle_.empty() || opened_ < size_; });
  if (idle_.empty()) {
    auto db = open();
    ++opened_;
    return {*this, std::move(db)};
  }
  auto db = std::move(idle_.back());
  idle_.pop_back();
  return {*this, std::move(db)};
}

void reader_pool::give_back(std::unique_ptr<database> db) noexcept {
  {
    std::lock_guard guard{mutex_};
    idle_.push_back(std::move(db));
  }
  returned_.notify_one();
}

reader_pool::loan::~loan() {
  pool_.give_back(std::move(db_));
}

} // namespace reprise::store::sqlite
