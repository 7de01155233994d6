#include "tests/support/link_fixture.hpp"

using namespace reprise;
using namespace reprise::link;
using namespace reprise::testing;

namespace {

/// What became of a call of `second` by `first`: why each was told that it is over.
struct outcome {
  std::uint64_t refused_by_second = 0;
  std::uint64_t told_to_first = 0;
  bool is_up = false;
};

outcome meet(identity first, identity second, const std::string& reason) {
  lab l;
  auto& a = l.join(std::move(first));
  auto& b = l.join(std::move(second));
  a.hub.reach(*parse_endpoint(b.mine.address));
  l.run();
  CHECK(a.events.is_up(b.mine.life) == b.events.is_up(a.mine.life));
  return {.refused_by_second = refused(b.counted, reason),
          .told_to_first = a.counted.counter("reprise_link_refused_by_others_total", "").value(),
          .is_up = a.events.is_up(b.mine.life)};
}

void check_refused(const identity& first, const identity& second, const std::string& reason) {
  CAPTURE(reason);
  auto o = meet(first, second, reason);
  CHECK_FALSE(o.is_up);
  CHECK(o.refused_by_second == 1);
  CHECK(o.told_to_first == 1);
}

} // namespace

TEST_CASE("both sides of a connection learn who the other one is") {
  lab l;
  auto& a = l.join("a", 1);
  auto mine = identity_of("b", 2);
  mine.role = CLIENT;
  mine.address = "b:7";
  auto& b = l.join(mine);
  l.connect(a, b);
  auto at_a = a.events.ups();
  REQUIRE(at_a.size() == 1);
  CHECK(at_a[0].life == 2);
  CHECK(at_a[0].name == "b");
  CHECK(at_a[0].role == CLIENT);
  CHECK(at_a[0].address == "b:7");
  CHECK(at_a[0].version == version_max);
  auto at_b = b.events.ups();
  REQUIRE(at_b.size() == 1);
  CHECK(at_b[0].life == 1);
  CHECK(at_b[0].role == NODE);
}

TEST_CASE("who does not fit is refused, and told why") {
  auto a = identity_of("a", 1);
  auto b = identity_of("b", 2);
  CHECK(meet(a, b, "unknown").is_up);

  auto other = b;
  other.cluster_id = "another";
  check_refused(a, other, "other_cluster");
  other = b;
  other.life = 1;
  check_refused(a, other, "myself");
  other = b;
  other.name = "a";
  check_refused(a, other, "same_name");
  other = a;
  other.life = 3;
  other.name = "c";
  other.address = b.address;
  check_refused(other, b, "same_address");
  other = b;
  other.version_min = other.version_max = 2;
  check_refused(a, other, "version");

  auto client = a;
  client.role = CLIENT;
  other = b;
  other.role = OPERATOR;
  check_refused(client, other, "role");
  CHECK(meet(client, b, "role").is_up);
}

TEST_CASE("who says too little or too much of itself is refused") {
  auto a = identity_of("a", 1);
  auto b = identity_of("b", 2);
  auto refuses = [&](auto&& change) {
    auto wrong = a;
    change(wrong);
    check_refused(wrong, b, "malformed");
  };
  refuses([](identity& i) { i.cluster_id.clear(); });
  refuses([](identity& i) { i.cluster_id.assign(65, 'x'); });
  refuses([](identity& i) { i.life = 0; });
  refuses([](identity& i) { i.role = ROLE_UNSPECIFIED; });
  refuses([](identity& i) { i.role = static_cast<Role>(9); });
  refuses([](identity& i) { i.name.clear(); });
  refuses([](identity& i) { i.name.assign(256, 'x'); });
  refuses([](identity& i) { i.address.assign(321, 'x'); });
  refuses([](identity& i) { i.version_min = 0; });
  refuses([](identity& i) { i.version_min = 3; });
  refuses([](identity& i) { i.name = "\xff\xfe"; });
  Hello said = hello_of(a, {});
  CHECK_FALSE(judge(b, said, nullptr));
  auto is_malformed = [&](const Hello& h) {
    auto why = judge(b, h, nullptr);
    return why && why->reason() == Farewell::MALFORMED;
  };
  auto wrong = said;
  wrong.clear_window_bytes();
  CHECK(is_malformed(wrong));
  wrong = said;
  wrong.set_window_bytes(0, 0);
  CHECK(is_malformed(wrong));
  wrong = said;
  wrong.set_window_bytes(1, ~0ULL);
  CHECK(is_malformed(wrong));
  wrong = said;
  wrong.set_envelope_bytes_max(0);
  CHECK(is_malformed(wrong));
  // One of a later version may have more lanes.
  wrong = said;
  wrong.add_window_bytes(5);
  CHECK_FALSE(is_malformed(wrong));
}

TEST_CASE("two versions that overlap speak the highest one of both") {
  auto spoken = [](std::uint32_t a_min, std::uint32_t a_max, std::uint32_t b_min,
                   std::uint32_t b_max) {
    lab l;
    auto mine = identity_of("a", 1);
    mine.version_min = a_min;
    mine.version_max = a_max;
    auto theirs = identity_of("b", 2);
    theirs.version_min = b_min;
    theirs.version_max = b_max;
    auto& a = l.join(mine);
    auto& b = l.join(theirs);
    l.reach(a, b);
    l.run();
    auto at_a = a.events.ups();
    auto at_b = b.events.ups();
    if (at_a.empty() || at_b.empty())
      return std::uint32_t{0};
    CHECK(at_a[0].version == at_b[0].version);
    return at_a[0].version;
  };
  CHECK(spoken(1, 1, 1, 1) == 1);
  CHECK(spoken(1, 1, 1, 3) == 1);
  CHECK(spoken(2, 4, 1, 3) == 3);
  CHECK(spoken(1, 3, 3, 9) == 3);
  CHECK(spoken(1, 2, 3, 4) == 0);
  CHECK(spoken(5, 6, 1, 4) == 0);
}

TEST_CASE("with TLS the certificate has the last word") {
  auto b = identity_of("b", 2);
  auto said = [](Role role) {
    auto a = identity_of("a", 1);
    a.role = role;
    return hello_of(a, {});
  };
  auto reason = [&](Role role, const tls::shown_certificate& shown) {
    auto why = judge(b, said(role), &shown);
    return why ? why->reason() : Farewell::UNKNOWN;
  };
  CHECK(reason(NODE, {.names = {"x", "a"}, .units = {"node"}}) == Farewell::UNKNOWN);
  CHECK(reason(OPERATOR, {.names = {"a"}, .units = {"operator"}}) == Farewell::UNKNOWN);
  CHECK(reason(CLIENT, {.names = {"a"}}) == Farewell::UNKNOWN);
  CHECK(reason(NODE, {.names = {"x"}, .units = {"node"}}) == Farewell::CERTIFICATE);
  CHECK(reason(NODE, {.names = {"a"}}) == Farewell::CERTIFICATE);
  CHECK(reason(NODE, {.names = {"a"}, .units = {"client", "operator"}}) == Farewell::CERTIFICATE);
  CHECK(reason(OPERATOR, {.names = {"a"}, .units = {"node"}}) == Farewell::CERTIFICATE);
}

TEST_CASE("two that call each other at the same moment keep one connection, the same at both") {
  constexpr std::uint64_t seeds = 400;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    seeded_ids chance{seed};
    lab l;
    auto& a = l.join("a", 1 + chance.random() % 100);
    auto& b = l.join("b", 101 + chance.random() % 100);
    l.reach(a, b);
    l.reach(b, a);
    l.run_by(chance);
    // Whose call was refused calls again if nothing is up: nothing must change any more.
    l.pass(1s);
    REQUIRE(a.events.ups().size() == 1);
    REQUIRE(b.events.ups().size() == 1);
    REQUIRE(a.events.downs().empty());
    REQUIRE(b.events.downs().empty());
    REQUIRE(std::ranges::count_if(l.wires,
                                  [](const lab::wire& w) {
                                    return w.ends[0].connection != 0 && w.ends[1].connection != 0;
                                  })
            == 1);
    REQUIRE(a.hub.send(b.mine.life, lane::control, envelope(1)) == sent::taken);
    REQUIRE(b.hub.send(a.mine.life, lane::control, envelope(2)) == sent::taken);
    l.run();
    REQUIRE(a.events.heard_count() == 1);
    REQUIRE(b.events.heard_count() == 1);
  }
}

TEST_CASE("a process that is reached by two addresses is connected once") {
  lab l;
  auto& a = l.join("a", 1);
  auto& b = l.join("b", 2);
  l.connect(a, b);
  // Its other one leads to the same hub.
  auto w = l.wires.size();
  b.mine.address = "also-b:1";
  l.reach(a, b);
  l.run();
  CHECK(l.wires.size() == w + 1);
  l.pass(10s);
  CHECK(a.events.ups().size() == 1);
  CHECK(a.events.downs().empty());
  // It knows by now who is there, and calls no more.
  CHECK(l.wires.size() == w + 1);
}

TEST_CASE("nobody takes the incarnation of another") {
  lab l;
  auto& a = l.join("a", 1);
  auto& b = l.join("b", 2);
  l.connect(a, b);
  auto& thief = l.join("c", 2);
  l.reach(thief, a);
  l.run();
  CHECK(refused(a.counted, "certificate") == 1);
  CHECK(thief.events.ups().empty());
  CHECK(a.events.downs().empty());
  REQUIRE(a.hub.send(2, lane::control, envelope(1)) == sent::taken);
  l.run();
  CHECK(b.events.heard_count() == 1);
}

TEST_CASE("however many strangers call, a process reaches those that it wants") {
  settings few;
  few.strangers_max = few.connections_max = 2;
  lab l;
  auto& a = l.join("a", 1, few);
  auto& b = l.join("b", 2);
  for (int i = 0; i < 2; ++i)
    REQUIRE(a.hub.accept("somebody", l.now));
  REQUIRE_FALSE(a.hub.accept("somebody", l.now));
  l.connect(a, b);
  CHECK(a.events.is_up(2));
}

TEST_CASE("strangers are few, and have little time and room") {
  settings few;
  few.strangers_max = 2;
  lab l;
  auto& a = l.join("a", 1, few);
  std::vector<hub::id> strangers;
  for (int i = 0; i < 2; ++i) {
    auto c = a.hub.accept("somebody", l.now);
    REQUIRE(c);
    a.hub.open(*c, std::nullopt, l.now);
    strangers.push_back(*c);
  }
  CHECK_FALSE(a.hub.accept("somebody", l.now));
  CHECK(refused(a.counted, "crowded") == 1);
  // More than a hello may take.
  std::string large;
  append_frame(large, {.type = frame_type::hello, .content = std::string(5000, 'x')});
  a.hub.receive(strangers[0], large, l.now);
  CHECK(refused(a.counted, "broken") == 1);
  // It has its place until it has heard why.
  CHECK_FALSE(a.hub.accept("somebody", l.now));
  l.pass(few.farewell + 100ms);
  auto third = a.hub.accept("somebody", l.now);
  REQUIRE(third);
  a.hub.open(*third, std::nullopt, l.now);
  // Those that say nothing are told so, and then are gone.
  l.pass(few.handshake);
  CHECK(refused(a.counted, "silent") == 2);
  l.pass(few.farewell + 100ms);
  std::string out;
  a.hub.take_output(strangers[1], out, 1000);
  CHECK(out.empty());
  for (int i = 0; i < 2; ++i)
    CHECK(a.hub.accept("somebody", l.now));
}

TEST_CASE("of connections there are no more than may be") {
  settings few;
  few.connections_max = 2;
  lab l;
  auto& a = l.join("a", 1, few);
  auto& b = l.join("b", 2);
  auto& c = l.join("c", 3);
  auto& d = l.join("d", 4);
  l.connect(b, a);
  l.connect(a, c);
  l.reach(d, a);
  l.pass(1s);
  CHECK_FALSE(d.events.is_up(1));
  CHECK(refused(a.counted, "crowded") > 0);
  l.end(b);
  l.pass(4s);
  CHECK(d.events.is_up(1));
}
