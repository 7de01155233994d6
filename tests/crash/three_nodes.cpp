// Three nodes share one MySQL store. Customers and workers speak to all of them while one is
// killed, stopped past its lease, or told to end, and comes back: nothing acknowledged is lost or
// doubled, and the ranges of whoever is gone are served by the others.
#include "tests/crash/load/campaign.hpp"
#include "tests/crash/load/server_process.hpp"
#include "tests/crash/load/waiting.hpp"
#include "tests/crash/options.hpp"
#include "tests/store/backends.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>

using namespace reprise;
using namespace reprise::crash;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::size_t nodes = 3;

/// A node and a way to it.
struct member {
  member(const std::string& dsn, const std::string& name, const std::string& log_file)
    : process({"--mysql", dsn, "--memory", "1", "--link", "127.0.0.1:0", "--node-name", name},
              log_file, {"node"}) {
    launch();
  }

  void launch() {
    process.launch();
    auto port = process.wait_for_port(patience);
    REQUIRE(port != 0);
    direct.aim_at(port);
  }

  bool serves() {
    return says_serving(direct);
  }

  /// As a door does that asks for its health: nobody is led there any more.
  void turn_away() {
    is_away = true;
    direct.aim_at(process.port());
  }

  server_process process;
  grpc_transport direct;
  std::atomic<bool> is_away{false};
};

using members = std::array<std::unique_ptr<member>, nodes>;

/// Every call goes to the next node, as through a door before all of them.
class turns final : public transport {
public:
  explicit turns(members& to) : to_(to) {
  }

  result<std::string> call(const std::string& method, const std::string& request,
                           duration patience) override {
    auto n = next_.fetch_add(1, std::memory_order_relaxed);
    if (to_[n % nodes]->is_away)
      ++n;
    return to_[n % nodes]->direct.call(method, request, patience);
  }

private:
  members& to_;
  std::atomic<std::size_t> next_{0};
};

/// Does harm to one node after the other, under load.
template <class Harm>
void live(Harm harm) {
  test::mysql_backend database;
  if (!database.available())
    return;
  test::temporary_folder folder;
  members all;
  for (std::size_t i = 0; i < nodes; ++i) {
    auto name = "node-" + std::to_string(i);
    all[i] = std::make_unique<member>(database.dsn, name, folder.file(name + ".log"));
  }
  for (auto& m : all)
    REQUIRE(wait_until([&] { return m->serves(); }));
  turns to{all};
  std::printf("three nodes: seed %llu\n", static_cast<unsigned long long>(asked_for.seed));
  campaign load{to, {.seed = asked_for.seed, .in_flight = 60}};
  seeded_ids random{asked_for.seed};
  for (auto& m : all) {
    auto then = load.book().acknowledged();
    REQUIRE(wait_until([&] { return load.book().acknowledged() > then + 200; }));
    std::this_thread::sleep_for(milliseconds{random.random() % 100});
    harm(*m, load.book());
  }
  load.finish(seconds{60});
  load.check_again();
  load.end();
  for (const auto& text : load.book().violations())
    FAIL_CHECK(text);
  for (auto& m : all)
    CHECK(m->process.end(seconds{20}) == 0);
}

/// More goes on, while one node is away, than what waited for others.
void go_on(ledger& book) {
  auto then = book.acknowledged();
  REQUIRE(wait_until([&] { return book.acknowledged() > then + 200; }));
}

} // namespace

TEST_CASE("three nodes lose nothing when each of them is killed in turn") {
  live([](member& m, ledger& book) {
    m.process.kill();
    go_on(book);
    m.launch();
  });
}

TEST_CASE("three nodes lose nothing when each of them sleeps past its lease") {
  live([](member& m, ledger& book) {
    m.process.pause();
    m.turn_away();
    go_on(book);
    m.process.resume();
    m.is_away = false;
    CHECK(wait_until([&] { return m.serves(); }));
  });
}

TEST_CASE("three nodes are begun anew one after the other, and nothing is lost") {
  live([](member& m, ledger& book) {
    CHECK(m.process.end(seconds{20}) == 0);
    go_on(book);
    m.launch();
    CHECK(wait_until([&] { return m.serves(); }));
  });
}
