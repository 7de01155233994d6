// Which files the SQLite store opens, and what it says of those that it refuses.
#include "tests/store/backends.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>

using namespace reprise;
using namespace reprise::test;
using store::commit_status;

namespace {

std::string refusal(const std::string& path) {
  auto opened = store::open_sqlite({.path = path});
  REQUIRE(!opened);
  CHECK(opened.error().code == errc::failed_precondition);
  CHECK(opened.error().message.find(path) != std::string::npos);
  return opened.error().message;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void run_sql(const std::string& path, const char* text) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  REQUIRE(sqlite3_exec(db, text, nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
}

std::string bytes_of(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream{path, std::ios::binary | std::ios::trunc} << bytes;
}

/// A store with some hundred runs, closed again.
void make_store(const std::string& path) {
  auto s = must(store::open_sqlite({.path = path}));
  auto epochs = must(store::take_everything(*s, store::new_incarnation()));
  std::vector<store::transition> group;
  for (std::int64_t key = 1; key <= 400; ++key) {
    auto t = start_of(key, epochs[head_of(key).slot]);
    t.runs[0].row.events = std::string(1000, 'e');
    t.runs[0].visibility = listed(key, key);
    group.push_back(std::move(t));
  }
  for (auto status : s->commit(group))
    REQUIRE(status == commit_status::committed);
}

} // namespace

namespace {

/// Another process that has a store open, until it is killed. It must not touch this one's tests.
class other_server {
public:
  explicit other_server(const std::string& path) {
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      auto s = store::open_sqlite({.path = path});
      char ok = s ? 'y' : 'n';
      if (write(ready[1], &ok, 1) != 1)
        _exit(1);
      pause();
      _exit(0);
    }
    char ok = 0;
    REQUIRE(read(ready[0], &ok, 1) == 1);
    REQUIRE(ok == 'y');
    close(ready[0]);
    close(ready[1]);
  }

  ~other_server() {
    end();
  }

  other_server(const other_server&) = delete;
  other_server& operator=(const other_server&) = delete;

  void end() {
    if (pid_ == 0)
      return;
    kill(pid_, SIGKILL);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
  }

  std::string name() const {
    return "in use by process " + std::to_string(pid_);
  }

private:
  pid_t pid_ = 0;
};

} // namespace

TEST_CASE("a second opening of the same file is refused with a sentence") {
  temporary_folder folder;
  auto path = folder.file("store.db");
  auto s = must(store::open_sqlite({.path = path}));
  auto said = refusal(path);
  CHECK(contains(said, "in use by process " + std::to_string(getpid())));
  CHECK(contains(said, "Stop that server or choose another file."));
  s.reset();
  CHECK(store::open_sqlite({.path = path}));
}

TEST_CASE("the lock of a process goes with it, even by kill -9") {
  temporary_folder folder;
  auto path = folder.file("store.db");
  make_store(path);
  other_server other{path};
  CHECK(contains(refusal(path), other.name()));
  other.end();
  CHECK(store::open_sqlite({.path = path}));
}

TEST_CASE("a file that another process has open is refused by whatever name") {
  temporary_folder folder;
  auto path = folder.file("store.db");
  make_store(path);
  other_server first{path};
  SUBCASE("a symbolic link") {
    std::filesystem::create_symlink("store.db", folder.file("link.db"));
    CHECK(contains(refusal(folder.file("link.db")), first.name()));
  }
  SUBCASE("a symbolic link to its folder") {
    std::filesystem::create_directory_symlink(".", folder.file("up"));
    CHECK(contains(refusal(folder.file("up/store.db")), first.name()));
  }
  SUBCASE("a hard link") {
    std::filesystem::create_hard_link(path, folder.file("hard.db"));
    CHECK(contains(refusal(folder.file("hard.db")), first.name()));
  }
  SUBCASE("a lock file that somebody removed") {
    std::filesystem::remove(path + "-lock");
    CHECK(contains(refusal(path), first.name()));
    CHECK(contains(refusal(path), first.name()));
  }
  // Who was refused has disturbed nobody: the first one's locks are where they were.
  CHECK(contains(refusal(path), first.name()));
  first.end();
  CHECK(store::open_sqlite({.path = path}));
}

TEST_CASE("a second opening in the same process is refused by whatever name, and takes no lock") {
  temporary_folder folder;
  auto path = folder.file("store.db");
  auto s = must(store::open_sqlite({.path = path}));
  std::filesystem::create_symlink("store.db", folder.file("link.db"));
  std::filesystem::create_hard_link(path, folder.file("hard.db"));
  for (auto name : {"store.db", "link.db", "hard.db"})
    CHECK(contains(refusal(folder.file(name)), "in use by process " + std::to_string(getpid())));
  // SQLite's own locks belong to the process and would be gone had it closed a descriptor.
  auto child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto descriptor = open(path.c_str(), O_RDWR);
    struct flock all{};
    all.l_type = F_WRLCK;
    all.l_whence = SEEK_SET;
    all.l_start = 0x40000000;
    all.l_len = 512;
    fcntl(descriptor, F_GETLK, &all);
    _exit(all.l_type == F_UNLCK ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a link to a store that is not there yet makes it where the link leads") {
  temporary_folder folder;
  std::filesystem::create_symlink("store.db", folder.file("link.db"));
  auto s = must(store::open_sqlite({.path = folder.file("link.db")}));
  CHECK(std::filesystem::exists(folder.file("store.db-wal")));
  CHECK(!std::filesystem::exists(folder.file("link.db-wal")));
  CHECK(contains(refusal(folder.file("store.db")), "in use by process"));
}

TEST_CASE("a hard link is refused where the last changes may lie beside the other name") {
  temporary_folder folder;
  auto path = folder.file("store.db");
  make_store(path);
  other_server crashed{path};
  std::filesystem::create_hard_link(path, folder.file("hard.db"));
  crashed.end();
  auto said = refusal(folder.file("hard.db"));
  CHECK(contains(said, "has 2 names (hard links)"));
  CHECK(contains(said, "Use that name, or copy the file"));
  // A copy of the file that was made as a link harms nobody who uses the old name.
  CHECK(store::open_sqlite({.path = path}));
}

TEST_CASE("files of other programs are refused and left as they are") {
  temporary_folder folder;
  auto text = folder.file("notes.txt");
  write_bytes(text, std::string(5000, 'x'));
  CHECK(contains(refusal(text), "is not a store of reprise"));
  CHECK(bytes_of(text) == std::string(5000, 'x'));
  auto other = folder.file("other.db");
  run_sql(other, "CREATE TABLE t(x); INSERT INTO t VALUES(1)");
  auto before = bytes_of(other);
  CHECK(contains(refusal(other), "is not a store of reprise"));
  CHECK(bytes_of(other) == before);
  auto foreign = folder.file("foreign.db");
  run_sql(foreign, "PRAGMA application_id = 77");
  CHECK(contains(refusal(foreign), "is not a store of reprise"));
}

TEST_CASE("a file of a newer version is refused and left as it is") {
  temporary_folder folder;
  auto path = folder.file("store.db");
  make_store(path);
  auto before = bytes_of(path);
  run_sql(path, "PRAGMA user_version = 99");
  auto said = refusal(path);
  CHECK(contains(said, "newer version of reprise"));
  CHECK(contains(said, "schema is 99"));
  write_bytes(path, before);
  CHECK(store::open_sqlite({.path = path}));
}

namespace {

/// What later versions added to the schema of version 3, latest first.
constexpr auto undo_to_3 = "DROP TABLE attribute_values; DROP TABLE listed_counts; "
                           "DROP TABLE copies; DROP TABLE inbox; DROP INDEX visibility_in_order; "
                           "ALTER TABLE runs DROP COLUMN kind; "
                           "ALTER TABLE visibility DROP COLUMN kind; "
                           "CREATE INDEX visibility_in_order ON visibility(namespace_id, "
                           "close_order DESC, start_time DESC, run_key DESC); "
                           "PRAGMA user_version = 3; ";

} // namespace

TEST_CASE("a file with a table of attributes is migrated, and queries find what it listed") {
  temporary_folder folder;
  auto path = folder.file("store.db");
  {
    auto s = must(store::open_sqlite({.path = path}));
    auto epochs = must(store::take_everything(*s, store::new_incarnation()));
    auto t = start_of(1, epochs[head_of(1).slot]);
    t.runs[0].visibility = listed(1, 1);
    t.runs[0].visibility->search_attributes.push_back(
      {.name = "Color", .value = {.texts = {"red"}}});
    REQUIRE(commit_one(*s, t) == commit_status::committed);
  }
  run_sql(path, undo_to_3);
  run_sql(path, "CREATE TABLE attributes(run_key INTEGER NOT NULL, name TEXT NOT NULL, "
                "place INTEGER NOT NULL, type INTEGER NOT NULL, text_value TEXT, "
                "integer_value INTEGER, real_value REAL, PRIMARY KEY(run_key, name, place)) "
                "WITHOUT ROWID; INSERT INTO attributes VALUES(1, 'Color', 0, 0, 'blue', 0, 0); "
                "PRAGMA user_version = 2");
  auto s = must(store::open_sqlite({.path = path}));
  auto color = [&](const std::string& value) {
    store::filter f{.what = store::filter::op::equal, .attribute = "Color"};
    f.values.push_back({.texts = {value}});
    return must(s->list(namespace_id, machine_kind::workflow, f, {}, 10)).size();
  };
  CHECK(color("red") == 1);
  CHECK(color("blue") == 0);
}

TEST_CASE("a file without counts and values is migrated, and has them of what it listed") {
  temporary_folder folder;
  auto path = folder.file("store.db");
  auto open_with_lease = [&](std::vector<store::epoch_number>& epochs) {
    auto s = must(store::open_sqlite({.path = path}));
    epochs = must(store::take_everything(*s, store::new_incarnation()));
    return s;
  };
  std::vector<store::epoch_number> epochs;
  {
    auto s = open_with_lease(epochs);
    for (std::int64_t key = 1; key <= 20; ++key) {
      auto t = start_of(key, epochs[head_of(key).slot]);
      t.runs[0].visibility = listed(key, key);
      t.runs[0].visibility->search_attributes.push_back(
        {.name = "Color", .value = {.texts = {key % 4 == 0 ? "red" : "blue"}}});
      REQUIRE(commit_one(*s, t) == commit_status::committed);
    }
  }
  run_sql(path, "DROP TABLE attribute_values; DROP TABLE listed_counts; PRAGMA user_version = 5");
  auto s = open_with_lease(epochs);
  store::filter red{.what = store::filter::op::equal, .attribute = "Color"};
  red.values.push_back({.texts = {"red"}});
  store::filter all{.what = store::filter::op::is_null, .attribute = "TemporalNamespaceDivision"};
  auto count = [&](const store::filter& f) {
    return must(s->count(namespace_id, machine_kind::workflow, f));
  };
  CHECK(count(red) == 5);
  CHECK(must(s->list(namespace_id, machine_kind::workflow, red, {}, 10)).size() == 5);
  CHECK(count(all) == 20);
  CHECK(commit_one(*s, erase_of(4, epochs[head_of(4).slot])) == commit_status::committed);
  CHECK(count(red) == 4);
  CHECK(count(all) == 19);
}

TEST_CASE("a count looks at an index alone, and a list is in its order") {
  temporary_folder folder;
  auto path = folder.file("store.db");
  make_store(path);
  auto plan_of = [&](const std::string& query) {
    std::string out;
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    auto add = [](void* text, int columns, char** values, char**) {
      *static_cast<std::string*>(text) += std::string{values[columns - 1]} + "; ";
      return 0;
    };
    REQUIRE(sqlite3_exec(db, ("EXPLAIN QUERY PLAN " + query).c_str(), add, &out, nullptr)
            == SQLITE_OK);
    sqlite3_close(db);
    return out;
  };
  const std::string of_namespace = " FROM visibility v WHERE v.namespace_id = 'n' AND v.kind = 0";
  auto count = plan_of("SELECT count(*)" + of_namespace);
  CHECK_MESSAGE(contains(count, "COVERING INDEX visibility_in_order"), count);
  auto list = plan_of("SELECT v.info" + of_namespace
                      + " ORDER BY v.close_order DESC, v.start_time DESC, v.run_key DESC LIMIT 10");
  CHECK_MESSAGE(contains(list, "INDEX visibility_in_order (namespace_id=? AND kind=?)"), list);
  CHECK_MESSAGE(!contains(list, "B-TREE"), list);
  const std::string place
    = "close_order = 5 AND start_time <= 6 AND (start_time < 6 OR run_key < 7)";
  auto page = plan_of("SELECT v.run_key" + of_namespace + " AND " + place
                      + " ORDER BY v.start_time DESC, v.run_key DESC LIMIT 10");
  CHECK_MESSAGE(contains(page, "close_order=? AND start_time<?)"), page);
  CHECK_MESSAGE(!contains(page, "B-TREE"), page);
  const std::string by_value = "SELECT v.info FROM attribute_values i CROSS JOIN visibility v "
                               "ON v.run_key = i.run_key WHERE i.value_hash = 5 AND v.kind = 0 ";
  for (const std::string& behind : {std::string{}, std::string{"AND i.close_order < 5 "}}) {
    auto plan = plan_of(by_value + behind
                        + "ORDER BY i.close_order DESC, i.start_time DESC, "
                          "i.run_key DESC LIMIT 10");
    CHECK_MESSAGE(contains(plan, "USING PRIMARY KEY (value_hash=?"), plan);
    CHECK_MESSAGE(!contains(plan, "B-TREE"), plan);
  }
}

TEST_CASE("damaged files are refused and say what to do") {
  temporary_folder folder;
  auto path = folder.file("store.db");
  make_store(path);
  auto whole = bytes_of(path);
  REQUIRE(whole.size() > 100'000);
  SUBCASE("cut short") {
    write_bytes(path, whole.substr(0, whole.size() / 2));
    CHECK(contains(refusal(path), "damaged"));
  }
  SUBCASE("its beginning overwritten") {
    write_bytes(path, std::string(4096, 'Z') + whole.substr(4096));
    CHECK(contains(refusal(path), "its beginning is damaged"));
  }
  SUBCASE("pages in the middle overwritten") {
    for (std::size_t page = 8; page < whole.size() / 4096; page += 3)
      whole.replace(page * 4096, 4096, std::string(4096, '\x5a'));
    write_bytes(path, whole);
    auto said = refusal(path);
    CHECK(contains(said, "damaged"));
    CHECK(contains(said, "Restore it from a backup"));
  }
  SUBCASE("tables gone") {
    run_sql(path, "DELETE FROM slots WHERE slot > 100");
    CHECK(contains(refusal(path), "damaged"));
  }
}

TEST_CASE("a folder that is not there is named") {
  temporary_folder folder;
  auto said = refusal(folder.file("absent/store.db"));
  CHECK(contains(said, "Check that the folder exists"));
}

TEST_CASE("an empty file, as a crash during the first start leaves it, becomes a store") {
  temporary_folder folder;
  auto path = folder.file("store.db");
  write_bytes(path, "");
  CHECK(store::open_sqlite({.path = path}));
  CHECK(store::open_sqlite({.path = path}));
}
