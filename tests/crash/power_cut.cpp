// kill -9 cannot show a missing sync: what was written is in the kernel's cache all the same. So a
// whole server runs on a disk that forgets what was not synced, and loses power under load.
#include "tests/crash/load/campaign.hpp"
#include "tests/crash/load/fragile_server.hpp"
#include "tests/crash/options.hpp"
#include "tests/store/backends.hpp"

using namespace reprise;
using namespace reprise::crash;
using std::chrono::milliseconds;

namespace {

void say(const char* text, int cuts, const ledger& book) {
  std::printf("power cuts: %s after %d, %zu orders finished, %zu in flight, %llu acknowledged\n",
              text, cuts, book.finished_count(), book.unfinished_count(),
              static_cast<unsigned long long>(book.acknowledged()));
  std::fflush(stdout);
}

} // namespace

TEST_CASE("power cuts lose and double nothing") {
  test::temporary_folder folder;
  fragile_server server{"forgetful-orders", folder.file("orders.db")};
  seeded_ids random{asked_for.seed};
  std::printf("power cuts: %d, seed %llu\n", asked_for.kills,
              static_cast<unsigned long long>(asked_for.seed));
  REQUIRE(server.start());
  campaign load{server, {.seed = asked_for.seed, .in_flight = 150}};
  constexpr std::uint64_t longest_ms = 900;
  for (int cut = 1; cut <= asked_for.kills && load.book().violations().empty(); ++cut) {
    std::this_thread::sleep_for(milliseconds{random.random() % longest_ms});
    if (cut % 2 == 0)
      server.cut_power();
    else
      server.cut_power_keeping_some(random.random());
    auto on = server.start();
    if (!on)
      FAIL(on.error().message);
    if (cut % std::max(1, asked_for.kills / 5) == 0)
      say("going on", cut, load.book());
  }
  load.finish(std::chrono::seconds{60});
  server.cut_power();
  REQUIRE(server.start());
  load.check_again();
  load.end();
  say("done", asked_for.kills, load.book());
  for (const auto& text : load.book().violations())
    FAIL_CHECK(text);
  CHECK(load.book().finished_count() > 150);
}

TEST_CASE("a disk that only says that it syncs is found out") {
  test::temporary_folder folder;
  fragile_server server{"forgetful-liar", folder.file("orders.db")};
  REQUIRE(server.start());
  campaign load{server, {.seed = asked_for.seed, .in_flight = 20, .threads = 4}};
  while (load.book().acknowledged() < 20)
    std::this_thread::sleep_for(milliseconds{5});
  server.disk().set_sync_lies(true);
  auto before = load.book().acknowledged();
  while (load.book().acknowledged() < before + 20)
    std::this_thread::sleep_for(milliseconds{5});
  server.cut_power();
  server.disk().set_sync_lies(false);
  // Damaged or back in the past: either is a loss.
  if (server.start()) {
    auto until = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (load.book().violations().empty() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(milliseconds{20});
    CHECK(!load.book().violations().empty());
  }
  load.end();
}
