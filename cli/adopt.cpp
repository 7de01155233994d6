#include "cli/adopt.hpp"

#include "base/ids.hpp"
#include "cli/output.hpp"
#include "cli/password.hpp"
#include "store/open.hpp"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>

namespace reprise::cli {

namespace {

using namespace std::chrono_literals;

/// For as long as the one needs who is at work here.
constexpr duration lease = 30s;
/// A lease of a server that is no more may be in what was restored, by a clock of then.
constexpr auto patience = 15s;
constexpr auto look_again = 200ms;

result<void> wait_for_lease(store::store& db, const std::string& owner) {
  auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    auto held = db.acquire_lease(owner, lease);
    if (!held)
      return held.error();
    if (*held)
      return {};
    if (std::chrono::steady_clock::now() > end)
      return make_error(errc::failed_precondition,
                        "another server holds the lease on this database: stop all servers that "
                        "have it, and try again");
    std::this_thread::sleep_for(look_again);
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
  auto owner = "adopted-" + seeded_ids{random_seed()}.uuid4();
  if (auto ok = wait_for_lease(**db, owner); !ok)
    return ok;
  if (auto raised = (*db)->take_slots(owner); !raised)
    return raised.error();
  return (*db)->release_lease(owner);
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
