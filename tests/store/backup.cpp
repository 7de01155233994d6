// Copies of a store in a file, taken while it is written to.
#include "store/backup.hpp"

#include "store/open.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/store_rows.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <sqlite3.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

using namespace reprise;
using namespace reprise::store;
using namespace reprise::testing;
using namespace std::chrono_literals;

namespace {

struct stored {
  explicit stored(const backup_limits& limits = {}) {
    auto opened = open_sqlite({.path = path, .backups = limits});
    REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().message));
    db = std::move(*opened);
    source = dynamic_cast<backup_source*>(db.get());
    REQUIRE(source != nullptr);
  }

  void write(int number) {
    auto name = std::to_string(number);
    auto made = db->create_namespace(
      {.id = "id" + name, .name = "name" + name, .version = 1, .record = std::string(2000, 'r')});
    REQUIRE_MESSAGE(made, (made ? "" : made.error().message));
  }

  std::string begin() {
    auto begun = source->begin_backup();
    REQUIRE_MESSAGE(begun, (begun ? "" : begun.error().message));
    return *begun;
  }

  /// The copy's bytes.
  std::string read(const std::string& name) {
    for (;;) {
      auto state = source->look_at_backup(name);
      REQUIRE_MESSAGE(state, (state ? "" : state.error().message));
      CHECK(state->copied <= state->bytes);
      if (!state->is_ready)
        continue;
      std::string out;
      while (out.size() < state->bytes) {
        auto part = source->read_backup(name, out.size(), 10'000);
        REQUIRE(part);
        REQUIRE_FALSE(part->empty());
        out += *part;
      }
      return out;
    }
  }

  /// The copy, as a file.
  std::string save(const std::string& name) {
    auto to = folder.file("copy" + name);
    std::ofstream{to, std::ios::binary} << read(name);
    return to;
  }

  temporary_folder folder{};
  std::string path = folder.file("store.db");
  std::unique_ptr<reprise::store::store> db{};
  backup_source* source = nullptr;
};

std::size_t namespaces_in(const std::string& path) {
  auto db = open_sqlite({.path = path});
  REQUIRE_MESSAGE(db, (db ? "" : db.error().message));
  auto all = (*db)->namespaces();
  REQUIRE(all);
  return all->size();
}

std::size_t files_in(const temporary_folder& folder) {
  std::size_t n = 0;
  for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator{folder.path()})
    ++n;
  return n;
}

} // namespace

TEST_CASE("a copy holds what was written before it was begun, and nothing later") {
  stored s;
  constexpr int before = 1000;
  for (int i = 0; i < before; ++i)
    s.write(i);
  auto files = files_in(s.folder);
  auto name = s.begin();
  s.write(before);
  CHECK(files_in(s.folder) == files);
  auto copy = s.save(name);
  CHECK(*check_sqlite_copy(copy) > 0);
  CHECK(namespaces_in(copy) == before);
  s.source->end_backup(name);
  CHECK(s.source->look_at_backup(name).error().code == errc::not_found);
  CHECK(namespaces_in(s.save(s.begin())) == before + 1);
}

TEST_CASE("who writes does not wait for a copy, and every copy is whole") {
  stored s;
  std::atomic<int> written{0};
  std::atomic<bool> enough{false};
  std::thread writer{[&] {
    while (!enough)
      s.write(written++);
  }};
  REQUIRE(eventually([&] { return written > 100; }));
  for (int round = 0; round < 5; ++round) {
    auto acknowledged = static_cast<std::size_t>(written.load() - 1);
    auto name = s.begin();
    auto begun = static_cast<std::size_t>(written.load());
    REQUIRE(eventually([&] { return written > static_cast<int>(begun) + 20; }));
    auto copy = s.save(name);
    s.source->end_backup(name);
    REQUIRE(check_sqlite_copy(copy));
    auto held = namespaces_in(copy);
    CHECK(held >= acknowledged);
    CHECK(held <= begun + 1);
  }
  enough = true;
  writer.join();
}

TEST_CASE("one copy is taken at a time") {
  stored s;
  s.write(1);
  auto first = s.begin();
  auto second = s.source->begin_backup();
  REQUIRE(!second);
  CHECK(second.error().code == errc::aborted);
  CHECK(s.source->read_backup("made up", 0, 1).error().code == errc::not_found);
  s.source->end_backup("made up");
  CHECK(s.save(first).size() > 0);
  s.source->end_backup(first);
  s.begin();
}

TEST_CASE("a copy that its owner left makes room for another one") {
  stored s{{.courtesy = 0ms}};
  s.write(1);
  auto first = s.begin();
  auto second = s.begin();
  CHECK(s.source->look_at_backup(first).error().code == errc::not_found);
  CHECK(namespaces_in(s.save(second)) == 1);
}

TEST_CASE("a copy that nobody asks for is given up") {
  stored s{{.patience = 0ms}};
  s.write(1);
  auto name = s.begin();
  CHECK(s.source->look_at_backup(name).error().code == errc::not_found);
  CHECK(s.source->read_backup(name, 0, 1).error().code == errc::not_found);
  s.begin();
}

TEST_CASE("bytes beyond a copy's end are none") {
  stored s;
  auto name = s.begin();
  auto bytes = s.read(name);
  CHECK(s.source->read_backup(name, bytes.size(), 10)->empty());
  CHECK(s.source->read_backup(name, bytes.size() - 3, 10)->size() == 3);
  CHECK(s.source->read_backup(name, bytes.size() + 1, 10).error().code == errc::out_of_range);
}

TEST_CASE("a copy for which there is no room is refused before it takes any") {
  stored s{{.room_left_min = std::uint64_t{1} << 60}};
  auto refused = s.source->begin_backup();
  REQUIRE(!refused);
  CHECK(refused.error().code == errc::resource_exhausted);
  CHECK(refused.error().message.find("MiB") != std::string::npos);
  CHECK(s.db->check());
}

TEST_CASE("a store without a server is copied as it is, and a server keeps it to itself") {
  stored s;
  for (int i = 0; i < 10; ++i)
    s.write(i);
  auto refused = open_sqlite_for_backup(s.path);
  REQUIRE(!refused);
  CHECK(refused.error().message.find("in use by") != std::string::npos);
  CHECK(!open_sqlite_for_backup(s.folder.file("absent.db")));
  CHECK_FALSE(std::filesystem::exists(s.folder.file("absent.db")));
  s.db.reset();
  auto opened = open_sqlite_for_backup(s.path);
  REQUIRE(opened);
  s.source = opened->get();
  CHECK(namespaces_in(s.save(s.begin())) == 10);
  CHECK(!open_sqlite({.path = s.path}));
}

TEST_CASE("what is no copy of a store is told from one") {
  stored s;
  for (int i = 0; i < 200; ++i)
    s.write(i);
  auto copy = s.save(s.begin());
  CHECK(check_sqlite_copy(copy));
  auto why = [](const std::string& path) {
    auto checked = check_sqlite_copy(path);
    return checked ? std::string{} : checked.error().message;
  };
  CHECK(why(s.folder.file("absent")).find("cannot be read") != std::string::npos);
  auto bytes = std::filesystem::file_size(copy);
  auto cut = s.folder.file("cut?%#");
  std::filesystem::copy_file(copy, cut);
  std::filesystem::resize_file(cut, bytes / 2);
  CHECK_FALSE(why(cut).empty());
  auto text = s.folder.file("text");
  std::ofstream{text} << std::string(10'000, 'x');
  CHECK(why(text).find("not a store") != std::string::npos);
  auto empty = s.folder.file("empty");
  std::ofstream{empty};
  CHECK(why(empty).find("is empty") != std::string::npos);
  // The server's own file, whose last commits lie beside it.
  CHECK(why(s.path).find("-wal") != std::string::npos);
  // Broken in the middle.
  auto broken = s.folder.file("broken");
  std::filesystem::copy_file(copy, broken);
  {
    std::fstream file{broken, std::ios::in | std::ios::out | std::ios::binary};
    for (std::uintmax_t at = 4096; at + 4096 < bytes; at += 3 * 4096) {
      file.seekp(static_cast<std::streamoff>(at));
      file << std::string(4096, '\x5a');
    }
  }
  CHECK_FALSE(why(broken).empty());
}

TEST_CASE("a copy that is adopted has new epochs, and nothing else is new") {
  stored s;
  s.write(1);
  auto before = take_everything(*s.db, new_incarnation());
  REQUIRE(before);
  auto copy = s.save(s.begin());
  REQUIRE(adopt_sqlite_copy(copy));
  CHECK(check_sqlite_copy(copy));
  CHECK_FALSE(std::filesystem::exists(copy + "-lock"));
  auto db = open_sqlite({.path = copy});
  REQUIRE(db);
  auto after = take_everything(**db, new_incarnation());
  REQUIRE(after);
  CHECK(after->front() >= before->front() + 2);
  CHECK((*db)->namespaces()->size() == 1);
}
