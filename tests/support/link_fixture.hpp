#pragma once

// Links without sockets: hubs that hand each other bytes, at a time that the test says.

#include "base/ids.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "cluster/link/hub.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reprise::testing {

using namespace std::chrono_literals;

/// Hundreds of links come up and go down here.
inline const auto quiet = [] {
  set_log_level(log_level::error);
  return true;
}();

/// A kind of the tests' own, which all of them know.
constexpr std::uint32_t known_kind = 100;
constexpr std::uint32_t unknown_kind = 5000;

inline link::identity identity_of(const std::string& name, link::incarnation life) {
  return {.cluster_id = "a cluster", .life = life, .name = name, .address = name + ":1"};
}

inline link::Envelope envelope(std::uint64_t call, std::string content = {},
                               std::uint32_t kind = known_kind) {
  link::Envelope out;
  out.set_kind(kind);
  out.set_call(call);
  out.set_content(std::move(content));
  return out;
}

/// Remembers what it is told. Any thread.
class recorder : public link::receiver {
public:
  /// What an envelope says that cannot be taken.
  static constexpr const char* throws = "throw";

  struct down {
    link::peer who{};
    std::string why{};
  };

  bool knows(std::uint32_t kind) const override {
    return kind != unknown_kind;
  }

  /// What was heard so far.
  void forget() {
    std::lock_guard lock{mutex_};
    heard_.clear();
    froms_.clear();
  }

  void on_up(const link::peer& who) override {
    std::lock_guard lock{mutex_};
    ups_.push_back(who);
    up_.insert(who.life);
  }

  void on_down(const link::peer& who, const std::string& why) override {
    std::lock_guard lock{mutex_};
    downs_.push_back({who, why});
    up_.erase(who.life);
  }

  void on_room(link::incarnation, link::lane on) override {
    std::lock_guard lock{mutex_};
    rooms_.push_back(on);
  }

  void on_envelope(link::received what) override {
    if (what.what.content() == throws)
      throw std::runtime_error{"as the test wants it"};
    std::lock_guard lock{mutex_};
    heard_.push_back(what.what);
    froms_.push_back(what.from);
    if (keeps_)
      kept_.push_back(std::move(what));
  }

  /// Whether it is in use as long as the test likes, or no longer than it takes to note it.
  void keep(bool yes) {
    std::lock_guard lock{mutex_};
    keeps_ = yes;
  }

  /// Lets go of the oldest that it keeps.
  void let_go(std::size_t n) {
    std::deque<link::received> gone;
    std::lock_guard lock{mutex_};
    for (; n > 0 && !kept_.empty(); --n) {
      gone.push_back(std::move(kept_.front()));
      kept_.pop_front();
    }
  }

  std::vector<link::peer> ups() const {
    std::lock_guard lock{mutex_};
    return ups_;
  }

  std::vector<down> downs() const {
    std::lock_guard lock{mutex_};
    return downs_;
  }

  std::vector<link::lane> rooms() const {
    std::lock_guard lock{mutex_};
    return rooms_;
  }

  std::vector<link::Envelope> heard() const {
    std::lock_guard lock{mutex_};
    return heard_;
  }

  std::size_t heard_count() const {
    std::lock_guard lock{mutex_};
    return heard_.size();
  }

  bool is_up(link::incarnation who) const {
    std::lock_guard lock{mutex_};
    return up_.contains(who);
  }

  /// The numbers of what came from a peer, in its order.
  std::vector<std::uint64_t> calls(link::incarnation from) const {
    std::lock_guard lock{mutex_};
    std::vector<std::uint64_t> out;
    for (std::size_t i = 0; i < heard_.size(); ++i)
      if (froms_[i] == from)
        out.push_back(heard_[i].call());
    return out;
  }

private:
  mutable std::mutex mutex_;
  bool keeps_ = false;
  std::vector<link::peer> ups_;
  std::set<link::incarnation> up_;
  std::vector<down> downs_;
  std::vector<link::lane> rooms_;
  std::vector<link::Envelope> heard_;
  std::vector<link::incarnation> froms_;
  std::deque<link::received> kept_;
};

inline std::uint64_t refused(metrics& m, const std::string& reason) {
  return m.counter("reprise_link_refused_total", "", {{"reason", reason}}).value();
}

inline std::uint64_t frames_sent(metrics& m) {
  return m.counter("reprise_link_frames_total", "", {{"direction", "sent"}}).value();
}

inline std::int64_t held(metrics& m, const std::string& what) {
  return m.gauge("reprise_link_held_bytes", "", {{"what", what}}).value();
}

/// One process's link, on wires of a lab.
struct party {
  party(link::identity as, const link::settings& with)
    : mine(std::move(as)),
      hub(mine, with, events, counted, [this](link::hub::id c) { woken.insert(c); }) {
  }

  link::identity mine;
  metrics counted{};
  recorder events{};
  std::set<link::hub::id> woken{};
  link::hub hub;
};

/// Hubs, the wires between them, and the time.
class lab {
public:
  struct wire {
    struct end {
      party* of = nullptr;
      link::hub::id connection = 0;
      std::string sent{};
      bool has_ended = false;
    };

    std::array<end, 2> ends{};
    bool is_accepted = false;
    /// Nothing gets on.
    std::array<bool, 2> is_stuck{};
  };

  party& join(const std::string& name, link::incarnation life, link::settings with = {}) {
    return join(identity_of(name, life), with);
  }

  party& join(link::identity as, const link::settings& with = {}) {
    auto& made = *parties_.emplace_back(std::make_unique<party>(std::move(as), with));
    return made;
  }

  /// As when the process died: what it sent arrives, then the end.
  void end(party& who) {
    who.hub.lose_all(now);
    settle(who);
    run();
    std::erase_if(wires,
                  [&](const wire& w) { return w.ends[0].of == &who || w.ends[1].of == &who; });
    std::erase_if(parties_, [&](const auto& p) { return p.get() == &who; });
  }

  void reach(party& from, const party& to) {
    from.hub.reach(*link::parse_endpoint(to.mine.address));
  }

  /// Both know each other.
  void connect(party& a, party& b) {
    reach(a, b);
    run();
    REQUIRE(a.events.is_up(b.mine.life));
    REQUIRE(b.events.is_up(a.mine.life));
  }

  /// Moves bytes, `piece` of them at a time, until nothing is left to do.
  void run() {
    while (turn()) {
    }
  }

  /// Time goes by, in steps as links look at it.
  void pass(link::milliseconds time) {
    constexpr auto step = 5ms;
    for (auto until = now + time; now < until;) {
      now += step;
      for (auto& p : parties_) {
        p->hub.look(now);
        settle(*p);
      }
      run();
    }
  }

  /// By chance one thing after the other, until nothing is left to do.
  void run_by(seeded_ids& chance) {
    for (;;) {
      wake();
      std::vector<std::pair<wire*, std::size_t>> possible;
      for (auto& w : wires)
        for (std::size_t i : {0U, 1U})
          if (is_ready(w, i))
            possible.emplace_back(&w, i);
      if (possible.empty())
        return;
      auto [w, i] = possible[chance.random() % possible.size()];
      deliver(*w, i, 1 + chance.random() % (chance.random() % 2 == 0 ? 8 : 400));
    }
  }

  link::time_point now{1h};
  std::size_t piece = 1000;
  std::list<wire> wires;
  /// Calls lead nowhere, and nobody says so.
  bool is_void = false;

  /// Does what a hub orders.
  void settle(party& p) {
    for (auto work = p.hub.take_orders();
         !work.calls.empty() || !work.flushes.empty() || !work.ends.empty();
         work = p.hub.take_orders()) {
      for (const auto& c : work.calls)
        call(p, c);
      for (auto c : work.flushes)
        flush(p, c);
      for (auto c : work.ends)
        for (auto& w : wires)
          for (auto& e : w.ends)
            if (e.of == &p && e.connection == c) {
              e.connection = 0;
              e.has_ended = true;
            }
    }
  }

private:
  bool turn() {
    auto did = wake();
    for (auto& w : wires)
      for (std::size_t i : {0U, 1U})
        if (is_ready(w, i)) {
          deliver(w, i, piece);
          did = true;
        }
    return did;
  }

  bool wake() {
    auto did = false;
    for (auto& p : parties_)
      for (auto c : std::exchange(p->woken, {})) {
        did = true;
        if (c == 0)
          p->hub.look(now);
        else
          flush(*p, c);
        settle(*p);
      }
    return did;
  }

  static bool is_ready(const wire& w, std::size_t from) {
    const auto& there = w.ends[1 - from];
    if (w.is_stuck[from])
      return false;
    if (from == 0 && !w.is_accepted)
      return true;
    return there.connection != 0 && (!w.ends[from].sent.empty() || w.ends[from].has_ended);
  }

  void deliver(wire& w, std::size_t from, std::size_t most) {
    auto& here = w.ends[from];
    auto& there = w.ends[1 - from];
    if (!w.is_accepted && from == 0) {
      w.is_accepted = true;
      auto c = there.of->hub.accept(here.of->mine.name, now);
      there.connection = c.value_or(0);
      there.has_ended = !c;
      if (c)
        there.of->hub.open(*c, std::nullopt, now);
    } else if (!here.sent.empty()) {
      auto bytes = here.sent.substr(0, most);
      here.sent.erase(0, most);
      there.of->hub.receive(there.connection, bytes, now);
      if (here.connection != 0)
        flush(*here.of, here.connection);
    } else {
      there.of->hub.lose(there.connection, "the connection was lost", now);
    }
    settle(*there.of);
    settle(*here.of);
  }

  void call(party& from, const link::hub::call& to) {
    if (is_void)
      return;
    auto found = std::ranges::find_if(parties_, [&](const auto& p) {
      return p.get() != &from && p->mine.address == link::to_string(to.to);
    });
    if (found == parties_.end())
      return from.hub.lose(to.connection, "it cannot be reached", now);
    auto& w = wires.emplace_back();
    w.ends[0] = {.of = &from, .connection = to.connection};
    w.ends[1] = {.of = found->get()};
    from.hub.open(to.connection, std::nullopt, now);
  }

  void flush(party& p, link::hub::id c) {
    for (auto& w : wires)
      for (auto& e : w.ends)
        if (e.of == &p && e.connection == c) {
          auto most = p.hub.with().write_bytes;
          if (e.sent.size() < most)
            p.hub.take_output(c, e.sent, most);
        }
  }

  std::vector<std::unique_ptr<party>> parties_;
};

} // namespace reprise::testing
