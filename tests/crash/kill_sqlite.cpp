// kill -9 of the server on SQLite, under load.
#include "tests/crash/load/kill_run.hpp"
#include "tests/crash/options.hpp"
#include "tests/store/backends.hpp"

using namespace reprise;
using namespace reprise::crash;

TEST_CASE("kill -9 loses and doubles nothing, on SQLite") {
  test::temporary_folder folder;
  kill_options options{
    .name = "SQLite",
    // So little memory that executions leave it and come back all the time.
    .flags = {"--db-filename", folder.file("orders.db"), "--memory", "1"},
    .log_file = folder.file("server.log"),
    .kills = asked_for.kills,
    .seed = asked_for.seed,
  };
  auto report = kill_again_and_again(options);
  for (const auto& text : report.violations)
    FAIL_CHECK(text);
  CHECK(report.orders > options.in_flight);
}
