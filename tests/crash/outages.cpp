// The store fails while a server serves, under load: callers are told UNAVAILABLE (the customers
// take any other refusal as a violation), health says NOT_SERVING, and when the store works again
// the server does so by itself, with nothing lost and nothing doubled.
#include "tests/crash/load/campaign.hpp"
#include "tests/crash/load/fragile_server.hpp"
#include "tests/crash/load/server_process.hpp"
#include "tests/crash/load/waiting.hpp"
#include "tests/crash/options.hpp"
#include "tests/store/backends.hpp"
#include "tests/support/tcp_proxy.hpp"

using namespace reprise;
using namespace reprise::crash;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr int rounds = 6;

constexpr customers::options load_options() {
  return {.in_flight = 100};
}

/// Until so much more was acknowledged.
bool goes_on(const ledger& book, std::uint64_t more = 200) {
  auto then = book.acknowledged();
  return wait_until([&] { return book.acknowledged() > then + more; });
}

void judge(campaign& load) {
  load.finish(seconds{60});
  load.check_again();
  load.end();
  for (const auto& text : load.book().violations())
    FAIL_CHECK(text);
}

std::string dsn_through(const test::tcp_proxy& proxy, const std::string& dsn) {
  auto a = *store::mysql::parse_dsn(dsn);
  return "mysql://" + a.user + (a.password.empty() ? "" : ":" + a.password)
         + "@127.0.0.1:" + std::to_string(proxy.port()) + "/" + a.database;
}

} // namespace

TEST_CASE("a disk that is full or cannot sync for a while loses and doubles nothing") {
  test::temporary_folder folder;
  fragile_server server{"forgetful-outages", folder.file("orders.db")};
  seeded_ids random{asked_for.seed};
  std::printf("outages of the disk: seed %llu\n", static_cast<unsigned long long>(asked_for.seed));
  REQUIRE(server.start());
  auto how = load_options();
  how.seed = asked_for.seed;
  campaign load{server, how};
  constexpr std::uint64_t longest_ms = 1000;
  for (int round = 1; round <= rounds && load.book().violations().empty(); ++round) {
    REQUIRE(goes_on(load.book()));
    if (round % 2 == 0) {
      server.disk().set_full(true);
      std::this_thread::sleep_for(milliseconds{random.random() % longest_ms});
      server.disk().set_full(false);
    } else {
      server.disk().set_sync_fails(true);
      CHECK(wait_until([&] { return !server.serves(); }));
      server.disk().set_sync_fails(false);
    }
    CHECK(wait_until([&] { return server.serves(); }));
  }
  // What was answered is on the disk, not only in what failed to be synced.
  server.cut_power();
  REQUIRE(server.start());
  judge(load);
}

TEST_CASE("a database that is away for a while loses and doubles nothing") {
  test::mysql_backend database;
  if (!database.available())
    return;
  auto address = *store::mysql::parse_dsn(database.dsn);
  test::tcp_proxy proxy{static_cast<std::uint16_t>(address.port),
                        [](std::string_view) { return test::tcp_proxy::verdict::forward; }};
  REQUIRE(proxy.ok());
  test::temporary_folder folder;
  // Some outages are longer than the lease.
  server_process process{
    {"--mysql", dsn_through(proxy, database.dsn), "--memory", "1", "--lease", "2"},
    folder.file("server.log")};
  process.launch();
  auto port = process.wait_for_port(patience);
  REQUIRE(port != 0);
  seeded_ids random{asked_for.seed};
  std::printf("outages of the database: seed %llu\n",
              static_cast<unsigned long long>(asked_for.seed));
  grpc_transport to;
  to.aim_at(port);
  auto how = load_options();
  how.seed = asked_for.seed;
  campaign load{to, how};
  constexpr std::uint64_t longest_ms = 3000;
  for (int round = 1; round <= rounds && load.book().violations().empty(); ++round) {
    REQUIRE(goes_on(load.book()));
    proxy.set_down(true);
    CHECK(wait_until([&] { return !says_serving(to); }));
    std::this_thread::sleep_for(milliseconds{random.random() % longest_ms});
    proxy.set_down(false);
    CHECK(wait_until([&] { return says_serving(to); }));
  }
  REQUIRE(goes_on(load.book()));
  judge(load);
  CHECK(process.end(seconds{20}) == 0);
}
