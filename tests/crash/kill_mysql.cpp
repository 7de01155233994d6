// kill -9 of the server on MySQL, under load. MySQL itself goes on.
#include "tests/crash/load/kill_run.hpp"
#include "tests/crash/options.hpp"
#include "tests/store/backends.hpp"

using namespace reprise;
using namespace reprise::crash;

TEST_CASE("kill -9 loses and doubles nothing, on MySQL") {
  test::mysql_backend database;
  if (!database.available())
    return;
  test::temporary_folder folder;
  kill_options options{
    .name = "MySQL",
    // A server that was killed cannot give its lease up: a short one, or the test only waits.
    .flags = {"--mysql", database.dsn, "--memory", "1", "--lease", "1"},
    .log_file = folder.file("server.log"),
    .kills = asked_for.kills,
    .seed = asked_for.seed,
  };
  auto report = kill_again_and_again(options);
  for (const auto& text : report.violations)
    FAIL_CHECK(text);
  CHECK(report.orders > options.in_flight);
}
