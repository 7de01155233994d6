#include "cli/adopt.hpp"

#include "base/clock.hpp"
#include "cli/output.hpp"
#include "cli/password.hpp"
#include "cluster/lease_watch.hpp"
#include "store/open.hpp"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace reprise::cli {

namespace {

using namespace std::chrono_literals;

/// For as long as the one needs who is at work here.
constexpr duration lease = 30s;
constexpr auto look_again = 200ms;

error other_server() {
  return make_error(errc::failed_precondition,
                    "another server holds the lease on this database: stop all servers that have "
                    "it, and try again");
}

/// Members of then may be in what was restored: dead is whose number stands still for its lease.
result<store::taken_ranges> take_all(store::store& db, store::incarnation_id self) {
  cluster::lease_watch watch;
  std::optional<store::membership> first;
  for (system_clock time;; std::this_thread::sleep_for(look_again)) {
    auto asked = time.boot_time();
    auto seen = db.renew(self, false);
    if (!seen)
      return std::move(seen).error();
    watch.see(*seen, self, asked, time.boot_time());
    if (!first)
      first = *seen;
    for (const auto& m : seen->members) {
      const auto* then = first->find(m.who.incarnation);
      if (m.who.incarnation != self && (then == nullptr || then->renewals != m.renewals))
        return other_server();
    }
    auto dead = watch.dead();
    if (dead.size() + 1 == seen->members.size())
      return db.take({.self = self, .dead = std::move(dead)});
  }
}

result<void> adopt(const adopt_options& o) {
  store::mysql_options how;
  if (!o.mysql_password_file.empty()) {
    auto password = read_password(o.mysql_password_file);
    if (!password)
      return password.error();
    how.password = std::move(*password);
  }
  auto db = store::open_mysql(o.mysql, how);
  if (!db)
    return db.error();
  auto self = store::new_incarnation();
  if (auto ok = (*db)->join({.incarnation = self, .name = "adopt", .lease_length = lease}, 0); !ok)
    return ok;
  auto taken = take_all(**db, self);
  auto left = (*db)->leave(self);
  if (!taken)
    return std::move(taken).error();
  return taken->ranges.all() ? left : other_server();
}

} // namespace

CLI::App* add_adopt(CLI::App& app, adopt_options& into) {
  auto* c = app.add_subcommand("adopt", "Take a MySQL database that was restored into service");
  c->add_option("--mysql", into.mysql, "The database: mysql://user[:password]@host/db")
    ->envname("REPRISE_MYSQL")
    ->required();
  c->add_option("--mysql-password-file", into.mysql_password_file, "File that holds the password");
  c->footer(
    "Example:\n"
    "  reprise adopt --mysql mysql://root@127.0.0.1/reprise\n"
    "\n"
    "Stop all servers, restore the database by its own tools, run this, start servers. What\n"
    "happened after the copy was taken is gone. Whoever served the database before can no\n"
    "longer write to it. A store in a file: `reprise restore`.\n");
  return c;
}

int run_adopt(const adopt_options& options) {
  if (auto ok = adopt(options); !ok)
    return fail(ok.error());
  std::printf("The database is ready to be served; nobody who served it before can write to it.\n");
  return exit_ok;
}

} // namespace reprise::cli
