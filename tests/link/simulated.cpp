// The link of a simulated world: what it may do to messages, and what it may not.
#include "cluster/link/simulated_network.hpp"
#include "tests/support/link_fixture.hpp"

#include <functional>
#include <map>

using namespace reprise;
using namespace reprise::link;
using namespace reprise::testing;

namespace {

/// A clock, chance, and what happens next.
struct small_world {
  explicit small_world(std::uint64_t seed) : chance(seed) {
  }

  /// Ends at this moment.
  void run(milliseconds time) {
    auto until = now + time;
    while (!agenda.empty() && agenda.begin()->first.first <= until) {
      auto next = agenda.extract(agenda.begin());
      now = std::max(now, next.key().first);
      next.mapped()();
    }
    now = until;
  }

  simulated_network::world hooks() {
    return {.now = [this] { return now; },
            .later =
              [this](simulated_network::span after, std::function<void()> what) {
                agenda.emplace(std::pair{now + after, ++last}, std::move(what));
              },
            .chance = [this] { return chance.random(); }};
  }

  seeded_ids chance;
  link::time_point now{1h};
  std::uint64_t last = 0;
  std::map<std::pair<link::time_point, std::uint64_t>, std::function<void()>> agenda;
  simulated_network net{hooks()};
};

/// Notes the order in which all of a world hear things.
struct member : recorder {
  member(small_world& in, const std::string& name, incarnation life, const settings& with = {})
    : world(in), mine(identity_of(name, life)), carrier(in.net.join(mine, with, *this, counted)) {
  }

  void reach(const member& other) const {
    carrier->reach(*parse_endpoint(other.mine.address));
  }

  const std::string& address() const {
    return mine.address;
  }

  small_world& world;
  metrics counted{};
  identity mine;
  std::unique_ptr<link::carrier> carrier;
};

void mesh(const std::vector<member*>& all) {
  for (auto* a : all)
    for (auto* b : all)
      if (a != b)
        a->reach(*b);
}

bool are_all_up(const std::vector<member*>& all) {
  return std::ranges::all_of(all, [&](const member* a) {
    return std::ranges::all_of(all,
                               [&](const member* b) { return a == b || a->is_up(b->mine.life); });
  });
}

/// Three that speak in rough weather: what each heard from each, as text.
std::string live(std::uint64_t seed) {
  small_world w{seed};
  w.net.set_weather({.delay_max = 20ms, .losses = 5000});
  member a{w, "a", 1};
  member b{w, "b", 2};
  member c{w, "c", 3};
  std::vector<member*> all{&a, &b, &c};
  mesh(all);
  std::uint64_t call = 0;
  for (int step = 0; step < 200; ++step) {
    w.run(milliseconds{static_cast<int>(w.chance.random() % 40)});
    auto& from = *all[w.chance.random() % 3];
    auto& to = *all[w.chance.random() % 3];
    from.carrier->send(to.mine.life, w.chance.random() % 2 == 0 ? lane::control : lane::bulk,
                       envelope(++call, std::string(w.chance.random() % 3000, 'x')));
    if (step == 50)
      w.net.cut(a.address(), b.address());
    if (step == 80) {
      w.net.part(a.address(), c.address());
      w.net.part(c.address(), a.address());
    }
    if (step == 120) {
      w.net.heal(a.address(), c.address());
      w.net.heal(c.address(), a.address());
    }
    if (step == 150)
      w.net.freeze(b.address());
    if (step == 180)
      w.net.thaw(b.address());
  }
  w.net.set_weather({});
  w.run(10s);
  CHECK(are_all_up(all));
  std::string out;
  for (auto* at : all) {
    for (auto* from : all)
      for (auto number : at->calls(from->mine.life))
        out += std::to_string(number) + " ";
    out += std::to_string(at->ups().size()) + "/" + std::to_string(at->downs().size()) + ";";
    CHECK(at->ups().size() == at->downs().size() + 2);
  }
  return out + std::to_string(w.now.time_since_epoch().count()) + " " + std::to_string(w.last);
}

} // namespace

TEST_CASE("a seed lives the same life twice, and another seed another one") {
  auto first = live(1);
  CHECK(live(1) == first);
  std::set<std::string> lives;
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    lives.insert(live(seed));
  CHECK(lives.size() == 20);
}

TEST_CASE("a lane keeps its order, and nothing comes twice") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    small_world w{seed};
    w.net.set_weather({.delay_max = 30ms});
    member a{w, "a", 1};
    member b{w, "b", 2};
    mesh({&a, &b});
    w.run(1s);
    REQUIRE(are_all_up({&a, &b}));
    for (std::uint64_t i = 0; i < 50; ++i) {
      REQUIRE(a.carrier->send(2, lane::control, envelope(i, std::string(i * 500, 'x')))
              == sent::taken);
      w.run(milliseconds{static_cast<int>(w.chance.random() % 5)});
    }
    w.run(5s);
    std::vector<std::uint64_t> expected;
    for (std::uint64_t i = 0; i < 50; ++i)
      expected.push_back(i);
    REQUIRE(b.calls(1) == expected);
  }
}

TEST_CASE("what is sent on two connections arrives in any order") {
  auto is_overtaken = [](std::uint64_t seed) {
    small_world w{seed};
    w.net.set_weather({.delay_max = 30ms});
    member a{w, "a", 1};
    member b{w, "b", 2};
    member c{w, "c", 3};
    mesh({&a, &b, &c});
    w.run(2s);
    REQUIRE(a.carrier->send(3, lane::control, envelope(1)) == sent::taken);
    w.run(1ms);
    REQUIRE(b.carrier->send(3, lane::control, envelope(2)) == sent::taken);
    w.run(1s);
    REQUIRE(c.heard_count() == 2);
    return c.heard()[0].call() == 2;
  };
  int overtaken = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed)
    overtaken += is_overtaken(seed) ? 1 : 0;
  CHECK(overtaken > 5);
  CHECK(overtaken < 35);
}

TEST_CASE("two sides of a partition lose each other, and find each other again") {
  for (auto one_way : {false, true}) {
    CAPTURE(one_way);
    small_world w{7};
    member a{w, "a", 1};
    member b{w, "b", 2};
    mesh({&a, &b});
    w.run(1s);
    REQUIRE(are_all_up({&a, &b}));
    w.net.part(a.address(), b.address());
    if (!one_way)
      w.net.part(b.address(), a.address());
    REQUIRE(a.carrier->send(2, lane::control, envelope(1)) == sent::taken);
    w.run(3s);
    CHECK_FALSE(a.is_up(2));
    CHECK_FALSE(b.is_up(1));
    CHECK(b.heard_count() == 0);
    w.net.heal(a.address(), b.address());
    w.net.heal(b.address(), a.address());
    w.run(10s);
    CHECK(are_all_up({&a, &b}));
    // Nobody was there any more who waited for it.
    CHECK(b.heard_count() == 0);
    CHECK(a.ups().size() == 2);
  }
}

TEST_CASE("a short partition is a delay") {
  small_world w{7};
  member a{w, "a", 1};
  member b{w, "b", 2};
  mesh({&a, &b});
  w.run(1s);
  w.net.part(a.address(), b.address());
  REQUIRE(a.carrier->send(2, lane::control, envelope(1)) == sent::taken);
  w.run(500ms);
  CHECK(b.heard_count() == 0);
  w.net.heal(a.address(), b.address());
  w.run(100ms);
  CHECK(b.heard_count() == 1);
  CHECK(b.downs().empty());
}

TEST_CASE("a lost connection is told to both, and loses what was on its way") {
  small_world w{3};
  w.net.set_weather({.delay_min = 10ms, .delay_max = 20ms});
  member a{w, "a", 1};
  member b{w, "b", 2};
  mesh({&a, &b});
  w.run(1s);
  REQUIRE(a.carrier->send(2, lane::control, envelope(1)) == sent::taken);
  w.run(1ms);
  w.net.cut(a.address(), b.address());
  w.run(50ms);
  CHECK(a.downs().size() == 1);
  CHECK(b.downs().size() == 1);
  CHECK(b.heard_count() == 0);
  w.run(2s);
  CHECK(are_all_up({&a, &b}));
}

TEST_CASE("a frozen process costs its peers bounded memory, and comes back") {
  small_world w{5};
  settings s;
  s.lane[1] = {.send_bytes_max = 100'000, .window_bytes = 1'000'000};
  member a{w, "a", 1, s};
  member b{w, "b", 2, s};
  member c{w, "c", 3, s};
  mesh({&a, &b, &c});
  w.run(1s);
  REQUIRE(are_all_up({&a, &b, &c}));
  w.net.freeze(b.address());
  std::size_t taken = 0;
  for (std::uint64_t i = 0; i < 500; ++i) {
    taken += a.carrier->send(2, lane::bulk, envelope(i, std::string(10'000, 'x'))) == sent::taken;
    REQUIRE(a.carrier->send(3, lane::bulk, envelope(i, std::string(10'000, 'x'))) == sent::taken);
    w.run(1ms);
  }
  CHECK(taken * 10'000 <= 100'000 + 2 * s.write_bytes);
  CHECK(w.net.bytes_under_way() <= 2 * s.write_bytes);
  CHECK(held(a.counted, "to_send") <= 200'000);
  w.run(20ms);
  CHECK(c.heard_count() == 500);
  w.run(3s);
  CHECK_FALSE(a.is_up(2));
  CHECK(a.is_up(3));
  w.net.thaw(b.address());
  w.run(10s);
  CHECK(are_all_up({&a, &b, &c}));
}

TEST_CASE("a process that died is another one when it is back") {
  small_world w{9};
  member a{w, "a", 1};
  auto b = std::make_unique<member>(w, "b", 2);
  mesh({&a, b.get()});
  w.run(1s);
  REQUIRE(a.is_up(2));
  b.reset();
  w.run(1s);
  CHECK(a.downs().size() == 1);
  CHECK(a.carrier->send(2, lane::control, envelope(1)) == sent::down);
  member again{w, "b", 3};
  w.run(5s);
  CHECK(a.is_up(3));
  CHECK(a.ups().size() == 2);
  CHECK(again.is_up(1));
}
