// The layer below SQLite that writes a transaction's part of the WAL at once.
#include "store/sqlite/gathering_vfs.hpp"

#include "tests/store/backends.hpp"
#include "tests/support/forgetful_disk.hpp"

using namespace reprise;
using namespace reprise::test;
using store::commit_status;

namespace {

constexpr int wal_flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_WAL;

/// A WAL on a disk in memory, opened through the layer as SQLite does.
class gathered_wal {
public:
  explicit gathered_wal(const std::string& name) : disk(name), layer(name), memory_(size() / 8) {
    REQUIRE(vfs()->xOpen(vfs(), "x-wal", file(), wal_flags, nullptr) == SQLITE_OK);
  }

  ~gathered_wal() {
    if (file()->pMethods != nullptr)
      file()->pMethods->xClose(file());
  }

  gathered_wal(const gathered_wal&) = delete;
  gathered_wal& operator=(const gathered_wal&) = delete;

  int write(const std::string& bytes, sqlite3_int64 at) {
    return file()->pMethods->xWrite(file(), bytes.data(), static_cast<int>(bytes.size()), at);
  }

  int sync() {
    return file()->pMethods->xSync(file(), SQLITE_SYNC_NORMAL);
  }

  std::string read(std::size_t size, sqlite3_int64 at) {
    std::string out(size, '?');
    CHECK(file()->pMethods->xRead(file(), out.data(), static_cast<int>(size), at) == SQLITE_OK);
    return out;
  }

  sqlite3_file* file() {
    return reinterpret_cast<sqlite3_file*>(memory_.data());
  }

  forgetful_disk disk;
  store::sqlite::gathering_vfs layer;

private:
  sqlite3_vfs* vfs() const {
    return sqlite3_vfs_find(layer.name().c_str());
  }

  std::size_t size() const {
    return static_cast<std::size_t>(vfs()->szOsFile) + 8;
  }

  std::vector<std::int64_t> memory_;
};

} // namespace

TEST_CASE("what is appended to a WAL is one write, at the sync") {
  gathered_wal wal{"gathered-appends"};
  for (int i = 0; i < 10; ++i)
    REQUIRE(wal.write(std::string(100, static_cast<char>('a' + i)), 32 + i * 100) == SQLITE_OK);
  CHECK(wal.disk.writes() == 0);
  REQUIRE(wal.sync() == SQLITE_OK);
  CHECK(wal.disk.writes() == 1);
  CHECK(wal.disk.syncs() == 1);
  CHECK(wal.read(3, 131) == "abb");
  REQUIRE(wal.sync() == SQLITE_OK);
  CHECK(wal.disk.writes() == 1);
}

TEST_CASE("reads, sizes and writes elsewhere see what was gathered") {
  gathered_wal wal{"gathered-reads"};
  REQUIRE(wal.write("hello", 0) == SQLITE_OK);
  CHECK(wal.read(5, 0) == "hello");
  REQUIRE(wal.write(" world", 5) == SQLITE_OK);
  sqlite3_int64 size = 0;
  REQUIRE(wal.file()->pMethods->xFileSize(wal.file(), &size) == SQLITE_OK);
  CHECK(size == 11);
  REQUIRE(wal.write("abc", 8) == SQLITE_OK);
  REQUIRE(wal.write("J", 0) == SQLITE_OK); // over what waits, and behind it no more
  REQUIRE(wal.write("u", 1) == SQLITE_OK);
  CHECK(wal.read(11, 0) == "Jullo woabc");
  REQUIRE(wal.write("xyz", 11) == SQLITE_OK);
  REQUIRE(wal.file()->pMethods->xTruncate(wal.file(), 12) == SQLITE_OK);
  REQUIRE(wal.file()->pMethods->xFileSize(wal.file(), &size) == SQLITE_OK);
  CHECK(size == 12);
}

TEST_CASE("a large transaction is gathered in parts and nothing of it is lost") {
  gathered_wal wal{"gathered-parts"};
  constexpr int pages = 1000;
  for (int i = 0; i < pages; ++i)
    REQUIRE(wal.write(std::string(4096, static_cast<char>(i)), sqlite3_int64{4096} * i)
            == SQLITE_OK);
  REQUIRE(wal.sync() == SQLITE_OK);
  // SQLite's own files take less than this at once.
  CHECK(wal.disk.longest_write() < 128 << 10);
  CHECK(wal.disk.writes() < pages / 25);
  for (int i = 0; i < pages; ++i)
    REQUIRE(wal.read(1, sqlite3_int64{4096} * i + 4095)[0] == static_cast<char>(i));
}

TEST_CASE("a write that fails is told by the call that needed it, once") {
  gathered_wal wal{"gathered-failures"};
  wal.disk.set_write_fails(true);
  REQUIRE(wal.write("lost", 0) == SQLITE_OK);
  CHECK(wal.sync() == SQLITE_IOERR_WRITE);
  wal.disk.set_write_fails(false);
  CHECK(wal.sync() == SQLITE_OK);
  wal.disk.set_full(true);
  REQUIRE(wal.write("lost", 0) == SQLITE_OK);
  CHECK(wal.sync() == SQLITE_FULL);
  wal.disk.set_full(false);
  sqlite3_int64 size = 1;
  CHECK(wal.file()->pMethods->xFileSize(wal.file(), &size) == SQLITE_OK);
  CHECK(size == 0);
}

TEST_CASE("a file that cannot be opened stays closed, and an unknown layer below is refused") {
  gathered_wal wal{"gathered-opens"};
  wal.disk.crash();
  auto vfs = sqlite3_vfs_find(wal.layer.name().c_str());
  std::vector<std::int64_t> memory(static_cast<std::size_t>(vfs->szOsFile) / 8 + 1, -1);
  auto file = reinterpret_cast<sqlite3_file*>(memory.data());
  CHECK(vfs->xOpen(vfs, "x-wal", file, wal_flags, nullptr) == SQLITE_CANTOPEN);
  CHECK(file->pMethods == nullptr);
  temporary_folder folder;
  CHECK(!store::open_sqlite({.path = folder.file("store.db"), .vfs = "no such layer"}));
}

TEST_CASE("a commit of the store is one write and one sync") {
  temporary_folder folder;
  forgetful_disk disk{"gathered-commits"};
  auto s = must(store::open_sqlite({.path = folder.file("store.db"), .vfs = disk.name()}));
  REQUIRE(s->acquire_lease("owner", std::chrono::seconds{60}));
  auto epochs = must(s->take_slots("owner"));
  for (std::int64_t key = 1; key <= 20; ++key) {
    auto writes = disk.writes();
    auto syncs = disk.syncs();
    REQUIRE(commit_one(*s, start_of(key, epochs[head_of(key).slot])) == commit_status::committed);
    CHECK(disk.writes() == writes + 1);
    CHECK(disk.syncs() == syncs + 1);
  }
}
