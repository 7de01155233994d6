// Any bytes on a connection of a link: it holds no more than its bounds, breaks nothing, and when
// the connection is over nothing of it is left. An input's first byte says how much of a good peer
// comes first, and in which frames the rest is packed; otherwise hardly any would get past the
// first frame.
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "cluster/link/frame.hpp"
#include "cluster/link/hub.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <optional>
#include <string>

using namespace reprise;
using namespace reprise::link;
using namespace std::chrono_literals;

namespace {

constexpr std::uint8_t with_hello = 1;
constexpr std::uint8_t with_welcome = 2;
constexpr std::uint8_t called_by_us = 4;
constexpr std::uint8_t packed = 8;
constexpr std::uint8_t as_envelope = 16;
constexpr std::uint8_t keeps = 32;
constexpr std::uint8_t often = 64;

constexpr std::uint64_t them = 9;

/// Takes what comes, and lets go of every second one, or keeps all.
class taker final : public receiver {
public:
  bool knows(std::uint32_t kind) const override {
    return kind % 2 == 0;
  }

  void on_up(const peer& who) override {
    fuzz::require(who.life != 0 && !who.name.empty(), "who is up is known");
    ++up;
  }

  void on_down(const peer&, const std::string& why) override {
    fuzz::require(!why.empty(), "there is a reason");
    --up;
  }

  void on_room(incarnation, lane) override {
  }

  void on_envelope(received what) override {
    fuzz::require(up == 1, "nothing comes from who is not up");
    if (keeps_all || kept.size() % 2 == 0)
      kept.push_back(std::move(what));
  }

  int up = 0;
  bool keeps_all = false;
  std::deque<received> kept;
};

settings small() {
  settings s;
  for (auto& l : s.lane)
    l = {.send_bytes_max = 5000, .window_bytes = 3000};
  s.envelope_bytes_max = 2000;
  return s;
}

identity named(const char* name, incarnation life) {
  return {.cluster_id = "c", .life = life, .name = name, .address = std::string{name} + ":1"};
}

void append(std::string& to, frame_type type, std::string_view content, std::uint8_t on = 0,
            std::uint8_t flags = 0) {
  append_frame(to, {.type = type, .lane = on, .flags = flags, .content = content});
}

void append_envelope(std::string& to, std::string_view bytes, std::uint8_t on) {
  std::string content;
  append_envelope_size(content, bytes.size());
  append(to, frame_type::data, content.append(bytes), on, flag_first);
}

std::string stream_of(std::uint8_t how, std::string_view rest) {
  constexpr std::size_t piece = 50;
  std::string out;
  if ((how & with_hello) != 0)
    // With room for all answers.
    append(out, frame_type::hello, hello_of(named("them", them), settings{}).SerializeAsString());
  if ((how & with_welcome) != 0)
    append(out, frame_type::welcome, {});
  if ((how & as_envelope) != 0) {
    append_envelope(out, rest.substr(0, 60'000), how >> 7);
    return out;
  }
  if ((how & packed) == 0)
    return out + std::string{rest};
  // Each piece's first byte says what it is: an envelope, or any frame.
  std::string frames;
  for (; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size()))) {
    auto what = static_cast<std::uint8_t>(rest[0]);
    auto content = rest.substr(1, piece - 1);
    std::uint8_t on = (what >> 5) & 1;
    if (what >> 7 != 0)
      append_envelope(frames, content, on);
    else
      append(frames, static_cast<frame_type>(1 + what % 6), content, on, (what >> 6) & 1);
  }
  // As many envelopes as the window takes.
  constexpr int times = 40;
  for (int i = 0; i < ((how & often) != 0 ? times : 1); ++i)
    out += frames;
  return out;
}

/// What a connection may say to so many bytes: who it is, why it ends, room for more and two
/// greetings; and to each envelope of a kind that is not known a little more than it had.
std::size_t answers_max(std::size_t said) {
  constexpr std::size_t whatever_comes = 300;
  return whatever_comes + said + said / 2;
}

/// All that waits to be sent; not much more than `enough` of what does not end.
std::size_t output_of(hub& over, hub::id c, std::size_t enough) {
  constexpr std::size_t at_once = 10'000;
  std::size_t sent = 0;
  for (std::string out{"begin"}; !out.empty() && sent <= enough; sent += out.size()) {
    out.clear();
    over.take_output(c, out, at_once);
  }
  return sent;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1)
    return 0;
  set_log_level(log_level::off);
  metrics counted;
  taker events;
  events.keeps_all = (data[0] & keeps) != 0;
  time_point now{1h};
  {
    hub over{named("us", 1), small(), events, counted, [](hub::id) {}};
    hub::id c = 0;
    if ((data[0] & called_by_us) != 0) {
      over.reach({.host = "them", .port = 1});
      over.look(now);
      c = over.take_orders().calls.at(0).connection;
    } else {
      c = over.accept("them", now).value();
    }
    over.open(c, std::nullopt, now);
    auto said = stream_of(data[0], fuzz::bytes_of(data + 1, size - 1));
    std::string_view left = said;
    std::size_t answered = 0;
    for (auto n : {left.size() / 2, left.size() - left.size() / 2}) {
      over.receive(c, left.substr(0, n), now);
      left.remove_prefix(n);
      Envelope greeting;
      greeting.set_kind(100);
      over.send(them, lane::bulk, greeting);
      answered += output_of(over, c, answers_max(said.size()));
      over.take_orders();
      now += 10ms;
      over.look(now);
    }
    auto held = counted.gauge("reprise_link_held_bytes", "", {{"what", "received"}}).value();
    // For each lane, the window and one envelope that began while there was any; and what was let
    // go of may have been filled again.
    fuzz::require(!events.keeps_all
                    || held <= static_cast<std::int64_t>(lanes * (3000 + charge(2000))),
                  "no more is held than may be");
    fuzz::require(answered <= answers_max(said.size()), "answers are few");
    over.lose(c, "it is gone", now);
    over.take_orders();
    fuzz::require(events.up == 0, "nobody is up");
    fuzz::require(over.held(them, lane::bulk) == 0, "nothing waits");
  }
  events.kept.clear();
  for (const char* what : {"received", "to_send"})
    fuzz::require(counted.gauge("reprise_link_held_bytes", "", {{"what", what}}).value() == 0,
                  "nothing is left");
  fuzz::require(counted.gauge("reprise_link_peers", "").value() == 0, "no peer is left");
  return 0;
}
