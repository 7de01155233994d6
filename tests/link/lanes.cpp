// What passes between two that are up: order, credit, lanes, heartbeats, what is broken.
#include "tests/support/link_fixture.hpp"

using namespace reprise;
using namespace reprise::link;
using namespace reprise::testing;

namespace {

constexpr std::array both{lane::control, lane::bulk};

settings tiny() {
  settings s;
  for (auto& l : s.lane)
    l = {.send_bytes_max = 4000, .window_bytes = 2000};
  s.envelope_bytes_max = 200'000;
  s.write_bytes = 1000;
  return s;
}

/// Sends until it is full; how many were taken.
std::size_t fill(party& from, const party& to, lane on, std::size_t size, std::uint64_t first = 0) {
  constexpr std::size_t far_too_many = 100'000;
  for (std::size_t n = 0; n < far_too_many; ++n)
    if (from.hub.send(to.mine.life, on, envelope(first + n, std::string(size, 'x'))) != sent::taken)
      return n;
  return far_too_many;
}

std::vector<std::uint64_t> numbers(std::size_t n) {
  std::vector<std::uint64_t> out;
  for (std::uint64_t i = 0; i < n; ++i)
    out.push_back(i);
  return out;
}

/// One side made of bytes, against a hub that was called.
struct stranger {
  explicit stranger(const settings& with = {}, Hello as = hello_of(identity_of("s", 9), {}))
    : host(l.join("a", 1, with)), connection(*host.hub.accept("s", l.now)) {
    host.hub.open(connection, std::nullopt, l.now);
    say(frame_type::hello, 0, 0, as.SerializeAsString());
  }

  void go_up() {
    say(frame_type::welcome, 0, 0, "");
    REQUIRE(host.events.is_up(9));
    hear();
  }

  void say(frame_type type, std::uint8_t on, std::uint8_t flags, const std::string& content) {
    std::string bytes;
    append_frame(bytes, {.type = type, .lane = on, .flags = flags, .content = content});
    host.hub.receive(connection, bytes, l.now);
  }

  /// The beginning of an envelope of so many bytes.
  void begin(std::uint8_t on, std::size_t size, const std::string& piece) {
    std::string content;
    append_envelope_size(content, size);
    say(frame_type::data, on, flag_first, content + piece);
  }

  void send(std::uint8_t on, const Envelope& what) {
    auto bytes = what.SerializeAsString();
    begin(on, bytes.size(), bytes);
  }

  struct heard_frame {
    frame_type type{};
    std::string content{};
  };

  std::vector<heard_frame> hear() {
    std::string out;
    for (std::size_t before = 1; before != out.size();) {
      before = out.size();
      host.hub.take_output(connection, out, out.size() + 1000);
    }
    std::vector<heard_frame> frames;
    std::string_view rest = out;
    frame f;
    while (reader.next(rest, frame_content_max, f) == frame_reader::found::frame)
      frames.push_back({f.type, std::string{f.content}});
    return frames;
  }

  /// Why it was ended, if it was.
  Farewell::Reason farewell() {
    for (const auto& f : hear())
      if (f.type == frame_type::farewell) {
        Farewell why;
        REQUIRE(why.ParseFromString(f.content));
        CHECK_FALSE(why.text().empty());
        CHECK(why.incarnation() == 1);
        return why.reason();
      }
    return Farewell::UNKNOWN;
  }

  lab l;
  party& host;
  hub::id connection;
  frame_reader reader;
};

} // namespace

TEST_CASE("envelopes of a lane arrive whole and in their order, however the bytes are cut") {
  for (std::size_t piece : {1U, 3U, 8U, 1000U, 1U << 20}) {
    CAPTURE(piece);
    lab l;
    auto& a = l.join("a", 1);
    auto& b = l.join("b", 2);
    l.piece = piece;
    l.connect(a, b);
    std::array<std::vector<std::uint64_t>, 2> expected;
    for (std::uint64_t i = 0; i < 40; ++i) {
      auto on = both[i % 2];
      auto size = i == 20 ? 150'000 : i * 37;
      REQUIRE(a.hub.send(2, on, envelope(i, std::string(size, static_cast<char>('a' + i % 26))))
              == sent::taken);
      expected[i % 2].push_back(i);
    }
    l.run();
    std::array<std::vector<std::uint64_t>, 2> came;
    for (const auto& e : b.events.heard()) {
      came[e.call() % 2].push_back(e.call());
      auto size = e.call() == 20 ? 150'000 : e.call() * 37;
      CHECK(e.content() == std::string(size, static_cast<char>('a' + e.call() % 26)));
      CHECK(e.kind() == known_kind);
    }
    CHECK(came == expected);
    CHECK(held(a.counted, "to_send") == 0);
    CHECK(held(b.counted, "received") == 0);
  }
}

TEST_CASE("a lane holds what it may and no more, and says when there is room again") {
  for (auto on : both) {
    lab l;
    auto& a = l.join("a", 1, tiny());
    auto& b = l.join("b", 2, tiny());
    l.connect(a, b);
    b.events.keep(true);
    // So much before the other side reads anything.
    auto n = fill(a, b, on, 100);
    CHECK(n > 0);
    CHECK(n <= 4000 / charge(100));
    CHECK(a.hub.held(2, on) <= 4000);
    CHECK(
      a.counted
        .counter("reprise_link_full_total", "", {{"lane", on == lane::bulk ? "bulk" : "control"}})
        .value()
      == 1);
    // The other lane is its own.
    constexpr std::uint64_t apart = 999'999;
    CHECK(a.hub.send(2, both[on == lane::control], envelope(apart)) == sent::taken);
    l.run();
    // Its window, and an envelope for which there was any credit.
    CHECK(b.events.rooms().empty());
    CHECK(held(b.counted, "received") <= static_cast<std::int64_t>(2000 + 2 * charge(110) + 300));
    // Nothing more gets through until the application lets go.
    for (int i = 0; i < 5; ++i) {
      n += fill(a, b, on, 100, n);
      l.run();
    }
    CHECK(held(b.counted, "received") <= static_cast<std::int64_t>(2000 + 2 * charge(110) + 300));
    CHECK(a.hub.held(2, on) <= 4000);
    auto rooms = a.events.rooms().size();
    b.events.let_go(1000);
    l.run();
    CHECK(a.events.rooms().size() == rooms + 1);
    CHECK(a.events.rooms().back() == on);
    while (b.events.heard_count() < n + 1) {
      b.events.let_go(1000);
      l.run();
    }
    auto came = b.events.calls(1);
    CHECK(std::erase(came, apart) == 1);
    CHECK(came == numbers(n));
    b.events.let_go(1000);
    l.run();
    CHECK(held(b.counted, "received") == 0);
    CHECK(held(a.counted, "to_send") == 0);
  }
}

TEST_CASE("a single envelope always fits, and what is too large is not taken") {
  lab l;
  auto& a = l.join("a", 1, tiny());
  auto& b = l.join("b", 2, tiny());
  l.connect(a, b);
  auto size = tiny().envelope_bytes_max - 100;
  CHECK(a.hub.send(2, lane::bulk, envelope(1, std::string(size, 'x'))) == sent::taken);
  CHECK(a.hub.send(2, lane::bulk, envelope(2)) == sent::full);
  CHECK(a.hub.send(2, lane::control, envelope(3, std::string(size + 100, 'x'))) == sent::too_large);
  CHECK(a.hub.send(3, lane::control, envelope(3)) == sent::down);
  l.run();
  REQUIRE(b.events.heard_count() == 1);
  CHECK(b.events.heard()[0].content().size() == size);
  CHECK(a.events.rooms().size() == 1);
  CHECK(a.hub.send(2, lane::bulk, envelope(2)) == sent::taken);
  l.run();
  CHECK(b.events.heard_count() == 2);
  // The other side's bound counts, too.
  auto less = tiny();
  less.envelope_bytes_max = 1000;
  auto& c = l.join("c", 3, less);
  l.connect(a, c);
  CHECK(a.hub.send(3, lane::bulk, envelope(1, std::string(2000, 'x'))) == sent::too_large);
}

TEST_CASE("what is urgent does not wait behind what is large") {
  settings s;
  s.write_bytes = 64U << 10;
  lab l;
  auto& a = l.join("a", 1, s);
  auto& b = l.join("b", 2, s);
  l.connect(a, b);
  auto& w = l.wires.front();
  auto& from = w.ends[0].of == &a ? w.ends[0] : w.ends[1];
  auto to = from.of == w.ends[0].of ? w.ends[1].connection : w.ends[0].connection;
  REQUIRE(a.hub.send(2, lane::bulk, envelope(1, std::string(10U << 20, 'x'))) == sent::taken);
  from.sent.clear();
  std::size_t before = 0;
  auto move = [&](std::size_t enough) {
    std::string out;
    a.hub.take_output(from.connection, out, enough);
    before += out.size();
    b.hub.receive(to, out, l.now);
  };
  // It is under way.
  for (int i = 0; i < 10; ++i)
    move(s.write_bytes);
  REQUIRE(b.events.heard_count() == 0);
  before = 0;
  REQUIRE(a.hub.send(2, lane::control, envelope(2)) == sent::taken);
  while (b.events.heard_count() == 0)
    move(1);
  CHECK(b.events.heard()[0].call() == 2);
  CHECK(before <= 2 * frame_bytes_max);
  // Lanes take turns: neither waits for the other one's end.
  for (int i = 0; i < 3; ++i)
    REQUIRE(a.hub.send(2, lane::control, envelope(3, std::string(1U << 20, 'x'))) == sent::taken);
  before = 0;
  while (b.events.calls(1).back() != 1) {
    move(1);
    REQUIRE(before < 16U << 20);
  }
  CHECK(b.events.heard_count() == 5);
}

TEST_CASE("a kind that is not known is answered so") {
  lab l;
  auto& a = l.join("a", 1);
  auto& b = l.join("b", 2);
  l.connect(a, b);
  auto strange = envelope(77, "what", unknown_kind);
  strange.set_from(5);
  strange.set_to(6);
  REQUIRE(a.hub.send(2, lane::bulk, strange) == sent::taken);
  l.run();
  CHECK(b.events.heard_count() == 0);
  CHECK(b.counted.counter("reprise_link_unsupported_total", "").value() == 1);
  REQUIRE(a.events.heard_count() == 1);
  auto answer = a.events.heard()[0];
  CHECK(answer.kind() == UNSUPPORTED);
  CHECK(answer.to() == 5);
  CHECK(answer.call() == 77);
  Unsupported about;
  REQUIRE(about.ParseFromString(answer.content()));
  CHECK(about.kind() == unknown_kind);
  // One of the link's own that this version does not have; and no answer to an answer.
  REQUIRE(a.hub.send(2, lane::bulk, envelope(78, {}, 15)) == sent::taken);
  REQUIRE(a.hub.send(2, lane::bulk, answer) == sent::taken);
  l.run();
  CHECK(a.events.heard_count() == 2);
  REQUIRE(b.events.heard_count() == 1);
  CHECK(b.events.heard()[0].kind() == UNSUPPORTED);
}

TEST_CASE("who asks for what is not known and does not read the answers runs out of credit") {
  auto s = tiny();
  stranger it{s};
  it.go_up();
  // As much as its credit is for: the answers wait, and take it with them.
  std::size_t n = 0;
  for (auto credit = static_cast<std::int64_t>(s.lane[1].window_bytes); credit > 0; ++n) {
    auto what = envelope(n, {}, unknown_kind);
    credit -= static_cast<std::int64_t>(charge(what.ByteSizeLong()));
    it.send(1, what);
  }
  CHECK(it.host.events.is_up(9));
  it.send(1, envelope(n, {}, unknown_kind));
  CHECK_FALSE(it.host.events.is_up(9));
  CHECK(it.farewell() == Farewell::BROKEN);

  stranger reads{s};
  reads.go_up();
  std::size_t answers = 0;
  for (std::size_t i = 0; i < 20 * n; ++i) {
    reads.send(1, envelope(i, {}, unknown_kind));
    for (const auto& f : reads.hear())
      answers += f.type == frame_type::data ? 1 : 0;
  }
  CHECK(reads.host.events.is_up(9));
  CHECK(answers == 20 * n);
}

TEST_CASE("so many answers wait for who does not take them, and no more") {
  settings s;
  s.own_answers_max = 3;
  stranger it{s};
  it.go_up();
  for (std::uint64_t i = 0; i < 3; ++i)
    it.send(1, envelope(i, {}, unknown_kind));
  CHECK(it.host.events.is_up(9));
  it.send(1, envelope(3, {}, unknown_kind));
  CHECK_FALSE(it.host.events.is_up(9));
  CHECK(it.farewell() == Farewell::BROKEN);
}

TEST_CASE("two that ask each other for what neither knows go on") {
  lab l;
  auto& a = l.join("a", 1, tiny());
  auto& b = l.join("b", 2, tiny());
  l.connect(a, b);
  for (auto on : both) {
    auto ask = [on](party& from, const party& to) {
      for (std::uint64_t n = 0;; ++n)
        if (from.hub.send(to.mine.life, on, envelope(n, std::string(100, 'x'), unknown_kind))
            != sent::taken)
          return n;
    };
    auto asked = ask(a, b);
    REQUIRE(asked > 10);
    REQUIRE(ask(b, a) == asked);
    l.run();
    CHECK(a.events.heard_count() == asked);
    CHECK(b.events.heard_count() == asked);
    REQUIRE(a.hub.send(2, on, envelope(1)) == sent::taken);
    l.run();
    CHECK(b.events.heard_count() == asked + 1);
    CHECK(b.events.heard().back().kind() == known_kind);
    a.events.forget();
    b.events.forget();
  }
  CHECK(a.events.downs().empty());
}

TEST_CASE("who sent what could not be taken hears that the other side is down") {
  lab l;
  auto& a = l.join("a", 1);
  auto& b = l.join("b", 2);
  l.connect(a, b);
  REQUIRE(a.hub.send(2, lane::bulk, envelope(1, recorder::throws)) == sent::taken);
  l.run();
  REQUIRE(a.events.downs().size() == 1);
  CHECK(a.events.downs()[0].why.find("could not be taken") != std::string::npos);
  CHECK(b.events.downs().size() == 1);
}

TEST_CASE("what breaks the protocol ends the connection, and it is told so") {
  auto breaks = [](auto&& say, bool is_up = true) {
    stranger it{tiny()};
    if (is_up)
      it.go_up();
    say(it);
    CHECK(it.farewell() == Farewell::BROKEN);
    CHECK(refused(it.host.counted, "broken") == (is_up ? 0 : 1));
    CHECK(it.host.events.downs().size() == (is_up ? 1 : 0));
    CHECK(it.host.events.heard_count() == 0);
  };
  std::string kib(1024, 'x');
  SUBCASE("no frame") {
    breaks([](stranger& s) { s.host.hub.receive(s.connection, "GET / HTTP/1.1\r\n", s.l.now); });
  }
  SUBCASE("a second hello") {
    breaks([](stranger& s) { s.say(frame_type::hello, 0, 0, ""); });
    breaks([](stranger& s) { s.say(frame_type::hello, 0, 0, ""); }, false);
  }
  SUBCASE("a second welcome") {
    breaks([](stranger& s) { s.say(frame_type::welcome, 0, 0, ""); });
  }
  SUBCASE("envelopes, credit, heartbeats before both agreed") {
    breaks([](stranger& s) { s.begin(0, 3, "abc"); }, false);
    breaks([](stranger& s) { s.say(frame_type::credit, 0, 0, ""); }, false);
    breaks([](stranger& s) { s.say(frame_type::heartbeat, 0, 0, ""); }, false);
  }
  SUBCASE("an envelope without a begin") {
    breaks([](stranger& s) { s.say(frame_type::data, 0, 0, "abc"); });
  }
  SUBCASE("an envelope within another one") {
    breaks([](stranger& s) {
      s.begin(0, 10, "abc");
      s.begin(0, 10, "abc");
    });
  }
  SUBCASE("no size") {
    breaks([](stranger& s) { s.say(frame_type::data, 0, flag_first, "abc"); });
  }
  SUBCASE("larger than any may be") {
    breaks([](stranger& s) { s.begin(0, tiny().envelope_bytes_max + 1, "abc"); });
  }
  SUBCASE("longer than it said") {
    breaks([](stranger& s) { s.begin(0, 2, "abc"); });
    breaks([](stranger& s) {
      s.begin(0, 4, "abc");
      s.say(frame_type::data, 0, 0, "de");
    });
  }
  SUBCASE("a piece of nothing") {
    breaks([](stranger& s) {
      s.begin(0, 4, "abc");
      s.say(frame_type::data, 0, 0, "");
    });
  }
  SUBCASE("no envelope") {
    breaks([](stranger& s) { s.begin(0, 3, "\xff\xff\xff"); });
  }
  SUBCASE("more credit than there is") {
    breaks([](stranger& s) {
      Credit more;
      more.set_bytes(1);
      s.say(frame_type::credit, 0, 0, more.SerializeAsString());
    });
    breaks([](stranger& s) { s.say(frame_type::credit, 0, 0, "\x08"); });
  }
}

TEST_CASE("a farewell ends it, with its reason as far as there is one") {
  auto reason = [](const std::string& farewell) {
    stranger it;
    it.go_up();
    it.say(frame_type::farewell, 0, 0, farewell);
    auto downs = it.host.events.downs();
    REQUIRE(downs.size() == 1);
    return downs[0].why;
  };
  CHECK(reason(farewell_of(Farewell::SILENT, "enough").SerializeAsString()) == "enough");
  CHECK_FALSE(reason("").empty());
  CHECK_FALSE(reason("\xff\xff").empty());
  CHECK(reason(farewell_of(Farewell::SILENT, std::string(5000, 'x')).SerializeAsString()).size()
        == 500);
}

TEST_CASE("who sends beyond its credit is not listened to") {
  stranger it{tiny()};
  it.go_up();
  it.host.events.keep(true);
  auto size = charge(envelope(0, std::string(500, 'x')).ByteSizeLong());
  std::size_t n = 0;
  for (; n * size < tiny().lane[0].window_bytes; ++n)
    it.send(0, envelope(n, std::string(500, 'x')));
  CHECK(it.host.events.heard_count() == n);
  CHECK(it.host.events.is_up(9));
  it.send(0, envelope(n, std::string(500, 'x')));
  CHECK(it.host.events.heard_count() == n);
  CHECK(it.farewell() == Farewell::BROKEN);
  CHECK(it.host.events.downs().size() == 1);
  // What was in use then goes to nobody any more, and harms nobody.
  it.host.events.let_go(100);
  CHECK(held(it.host.counted, "received") == 0);
}

TEST_CASE("heartbeats keep an idle connection, and cost one frame in their time") {
  lab l;
  settings s;
  auto& a = l.join("a", 1, s);
  auto& b = l.join("b", 2, s);
  l.connect(a, b);
  auto before = frames_sent(a.counted);
  l.pass(10s);
  CHECK(a.events.downs().empty());
  CHECK(b.events.downs().empty());
  auto beats = frames_sent(a.counted) - before;
  CHECK(beats <= 10s / s.heartbeat);
  CHECK(beats >= 10s / (s.heartbeat + 10ms));
}

TEST_CASE("a peer that says nothing is down, at both sides, when only one direction works") {
  for (std::size_t stuck : {0U, 1U}) {
    lab l;
    settings s;
    auto& a = l.join("a", 1, s);
    auto& b = l.join("b", 2, s);
    l.connect(a, b);
    l.pass(1s);
    a.hub.give_up(*parse_endpoint(b.mine.address));
    auto& w = l.wires.front();
    w.is_stuck[stuck] = true;
    auto& deaf = *w.ends[1 - stuck].of;
    auto& other = *w.ends[stuck].of;
    l.pass(s.silence - s.heartbeat - 10ms);
    CHECK(deaf.events.downs().empty());
    l.pass(s.heartbeat + 20ms);
    REQUIRE(deaf.events.downs().size() == 1);
    CHECK(deaf.events.downs()[0].why.find("nothing was heard") != std::string::npos);
    // It was told so in its last words.
    REQUIRE(other.events.downs().size() == 1);
    CHECK(other.events.downs()[0].why.find("nothing was heard") != std::string::npos);
    CHECK(deaf.hub.send(other.mine.life, lane::control, envelope(1)) == sent::down);
  }
}

TEST_CASE("a call that nobody answers ends in its time, and is tried again at growing intervals") {
  lab l;
  settings s;
  s.connect = 500ms;
  auto& a = l.join("a", 1, s);
  auto& b = l.join("b", 2);
  auto tries = [&] { return a.counted.counter("reprise_link_unreachable_total", "").value(); };
  l.is_void = true;
  l.reach(a, b);
  l.pass(510ms);
  CHECK(tries() == 1);
  // 0.5, then 0.1, 0.5, 0.2, 0.5, 0.4, 0.5 …
  l.pass(620ms);
  CHECK(tries() == 2);
  l.pass(720ms);
  CHECK(tries() == 3);
  l.pass(60s);
  auto n = tries();
  CHECK(n < 3 + 60s / s.retry_max + 6);
  CHECK(n > 60s / (s.retry_max + s.connect) - 1);
  l.is_void = false;
  l.pass(s.retry_max + s.connect + 100ms);
  CHECK(a.events.is_up(2));
  // The next time it is quick again.
  l.end(b);
  l.join("b", 3);
  l.pass(300ms);
  CHECK(a.events.is_up(3));
}

TEST_CASE("a process that began anew is another one") {
  lab l;
  auto& a = l.join("a", 1);
  auto& b = l.join("b", 2);
  l.connect(a, b);
  for (std::uint64_t i = 0; i < 5; ++i)
    REQUIRE(a.hub.send(2, lane::control, envelope(i)) == sent::taken);
  l.end(b);
  REQUIRE(a.events.downs().size() == 1);
  CHECK(a.events.downs()[0].who.life == 2);
  CHECK(a.hub.send(2, lane::control, envelope(6)) == sent::down);
  auto& again = l.join("b", 3);
  l.pass(1s);
  REQUIRE(a.events.is_up(3));
  CHECK(a.hub.send(2, lane::control, envelope(7)) == sent::down);
  CHECK(a.hub.send(3, lane::control, envelope(8)) == sent::taken);
  l.run();
  CHECK(again.events.calls(1) == std::vector<std::uint64_t>{8});
  // Nobody is called any more who is not wanted.
  a.hub.give_up(*parse_endpoint(again.mine.address));
  l.run();
  CHECK(a.events.is_up(3));
  l.end(again);
  l.join("b", 4);
  l.pass(10s);
  CHECK(a.events.ups().size() == 2);
}
