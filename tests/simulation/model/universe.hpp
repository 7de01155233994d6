#pragma once

#include "base/clock.hpp"
#include "base/ids.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

// What everything in a simulated world shares: one source of chance, one clock, one list of what
// happens next, one trace. The seed decides all of it.

namespace reprise::simulation {

using namespace std::chrono_literals;

/// Chance. Only this may be asked what happens, in an order that the seed fixes.
class dice {
public:
  explicit dice(std::uint64_t seed) : ids_(seed) {
  }

  std::uint64_t next() {
    return ids_.random();
  }

  /// 0 to n - 1.
  int below(int n) {
    return n <= 1 ? 0 : static_cast<int>(next() % static_cast<std::uint64_t>(n));
  }

  bool chance(int per_thousand) {
    return below(1000) < per_thousand;
  }

  duration between(duration from, duration to) {
    if (to <= from)
      return from;
    auto span = static_cast<std::uint64_t>((to - from).count());
    return from + duration{static_cast<std::int64_t>(next() % span)};
  }

  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(below(static_cast<int>(from.size())))];
  }

private:
  seeded_ids ids_;
};

/// What happened, in order: a hash always, the lines when asked for.
class trace {
public:
  bool print = false;
  bool keep = false;

  void say(time_point now, const std::string& text) {
    for (unsigned char c : text)
      hash_ = (hash_ ^ c) * 0x100000001b3ULL;
    hash_ = (hash_ ^ static_cast<std::uint64_t>(now.time_since_epoch().count())) * 0x100000001b3ULL;
    ++size_;
    if (print)
      std::printf("%s\n", line(now, text).c_str());
    if (keep)
      lines_.push_back(line(now, text));
  }

  std::uint64_t hash() const noexcept {
    return hash_;
  }

  std::size_t size() const noexcept {
    return size_;
  }

  const std::vector<std::string>& lines() const noexcept {
    return lines_;
  }

private:
  std::string line(time_point now, const std::string& text) const {
    auto ms = now.time_since_epoch().count() / 1'000'000 % 100'000'000;
    return std::to_string(ms) + " " + text;
  }

  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
  std::size_t size_ = 0;
  std::vector<std::string> lines_;
};

/// The clocks of the machine that the servers run on: the world's time, and a wall clock that is
/// set by whoever likes to.
class turned_clocks final : public raw_clocks {
public:
  explicit turned_clocks(const time_point& world) : world_(world) {
  }

  duration wall() const override {
    return world_.time_since_epoch() + off;
  }

  duration boot() const override {
    return world_.time_since_epoch();
  }

  /// Of the wall clock to the world's time.
  duration off{0};

private:
  const time_point& world_;
};

class universe {
public:
  explicit universe(std::uint64_t seed) : random(seed) {
  }

  universe(const universe&) = delete;
  universe& operator=(const universe&) = delete;

  /// The world's time, which clients live in and judges measure with.
  time_point now() const {
    return now_;
  }

  /// The servers' time: what stands in histories and deadlines.
  const clock& server_time() const {
    return server_time_;
  }

  /// Somebody sets the machine's clock so far off the world's time.
  void set_clock(duration off) {
    say("the clock is set to " + std::to_string(off.count() / 1'000'000) + " ms off");
    machine_.off = off;
  }

  void say(const std::string& text) {
    told.say(now_, text);
  }

  /// A rule was broken. The first one counts; actors must not be able to catch it.
  void fail(const std::string& text) {
    say("VIOLATION " + text);
    if (failure.empty())
      failure = text;
  }

  void after(duration wait, std::function<void()> what) {
    agenda.emplace(now_ + wait, std::move(what));
  }

  void set_now(time_point t) {
    now_ = std::max(now_, t);
  }

  dice random;
  trace told;
  std::string failure{};
  /// Counts what fate did and what came of it, to know that a seed was not dull.
  std::map<std::string, int> happened{};
  /// What clients, workers and fate do next. Ties in the order of their making.
  std::multimap<time_point, std::function<void()>> agenda{};

private:
  time_point now_{std::chrono::hours{24 * 20'000}};
  turned_clocks machine_{now_};
  system_clock server_time_{machine_};
};

} // namespace reprise::simulation
