#pragma once

#include "store/mysql/connection.hpp"
#include "store/open.hpp"
#include "tests/support/skipping.hpp"
#include "tests/support/store_rows.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <cstdlib>
#include <random>

// The stores that the one suite runs against. A test case is a TEST_CASE_TEMPLATE over
// REPRISE_BACKENDS and begins with `world<Backend> w; if (!w.available()) return;`.
namespace reprise::test {

using testing::temporary_folder;

struct memory_backend {
  static constexpr const char* name = "memory";
  static constexpr bool is_durable = false;

  bool available() {
    return true;
  }

  result<std::unique_ptr<store::store>> open() {
    return store::open_memory();
  }
};

struct sqlite_backend {
  static constexpr const char* name = "sqlite";
  static constexpr bool is_durable = true;

  bool available() {
    return true;
  }

  result<std::unique_ptr<store::store>> open() {
    return store::open_sqlite({.path = folder.file("store.db")});
  }

  temporary_folder folder{};
};

struct mysql_backend {
  static constexpr const char* name = "mysql";
  static constexpr bool is_durable = true;

  mysql_backend() {
    if (auto server = std::getenv("REPRISE_TEST_MYSQL"); server != nullptr && *server != '\0') {
      dsn = server;
      if (!dsn.ends_with('/'))
        dsn += '/';
      dsn += "reprise_test_" + std::to_string(std::random_device{}()) + "_"
             + std::to_string(getpid());
    }
  }

  /// Removes the database, so that a server that outlives the test is left as it was.
  ~mysql_backend() {
    auto address = store::mysql::parse_dsn(dsn);
    if (!address)
      return;
    try {
      store::mysql::connection server{*address, "", store::mysql::role::reader};
      server.execute("DROP DATABASE IF EXISTS `" + address->database + "`");
    } catch (const std::exception& e) {
      MESSAGE("could not remove the test's database: " << e.what());
    }
  }

  mysql_backend(const mysql_backend&) = delete;
  mysql_backend& operator=(const mysql_backend&) = delete;

  bool available() {
    if (dsn.empty())
      testing::skipped("MySQL: REPRISE_TEST_MYSQL holds no server's DSN");
    return !dsn.empty();
  }

  result<std::unique_ptr<store::store>> open() {
    return store::open_mysql(dsn);
  }

  std::string dsn;
};

template <class Backend>
class world {
public:
  world() : available_(backend.available()) {
    if (available_)
      reopen();
  }

  bool available() const {
    return available_;
  }

  /// As after a restart of the process. On stores that are not durable: a new one.
  void reopen() {
    store_.reset();
    auto opened = backend.open();
    if (!opened)
      FAIL(opened.error().message);
    store_ = std::move(*opened);
    take_all();
  }

  /// Under an incarnation of its own, which ends everybody else's.
  void take_all() {
    self = store::new_incarnation();
    auto taken = store::take_everything(*store_, self);
    REQUIRE(taken);
    epochs = std::move(*taken);
  }

  store::store& operator*() {
    return *store_;
  }

  store::store* operator->() {
    return store_.get();
  }

  void close() {
    store_.reset();
  }

  store::epoch_number epoch_of(std::int64_t key) const {
    return epochs[head_of(key).slot];
  }

  store::commit_status start(std::int64_t key) {
    return commit_one(*store_, start_of(key, epoch_of(key)));
  }

  store::commit_status append(std::int64_t key, std::uint64_t seq) {
    return commit_one(*store_, append_to(key, seq, epoch_of(key)));
  }

  Backend backend{};
  store::incarnation_id self = 0;
  std::vector<store::epoch_number> epochs{};

private:
  bool available_;
  std::unique_ptr<store::store> store_{};
};

/// The value of a result that must be there.
template <class T>
T must(result<T> r) {
  if (!r)
    FAIL(r.error().message);
  return std::move(*r);
}

} // namespace reprise::test

#define REPRISE_BACKENDS                                                                           \
  reprise::test::memory_backend, reprise::test::sqlite_backend, reprise::test::mysql_backend
