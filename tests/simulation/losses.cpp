#include "tests/simulation/model/world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace reprise::simulation {

namespace {

/// Lives in which such messages are lost: the judge says so, in these words (`at_end`: or in those,
/// of what is left when the life is over). A life that was quiet at its end had nothing to lose;
/// and what is lost with a wake may be the end of a long poll.
void plant(loss what, const std::string& judgement, const std::string& at_end = {}) {
  constexpr std::uint64_t lives = 10;
  constexpr int reported_at_least = 3;
  auto reported = 0;
  for (std::uint64_t seed = 1; seed <= lives; ++seed) {
    INFO("seed " << seed);
    auto r = live({.seed = seed, .plant = what});
    if (r.failure.empty() || r.failure.ends_with("was not answered by its deadline"))
      continue;
    auto is_named = r.failure.starts_with(judgement)
                    || (!at_end.empty() && r.failure.find(at_end) != std::string::npos);
    CHECK_MESSAGE(is_named, r.failure);
    ++reported;
  }
  CHECK(reported >= reported_at_least);
}

} // namespace

TEST_CASE("a lost wake is a timer that stands") {
  // Or by which a slot would have said that an answer is here.
  plant(loss::wake, "a due timer stands", "is remembered, though it was answered");
}

TEST_CASE("a lost offer is a task that stands beside an idle worker") {
  plant(loss::offer, "a task stands beside an idle worker");
}

TEST_CASE("a lost hand-out is a task that stands beside an idle worker") {
  plant(loss::handout, "a task stands beside an idle worker");
}

TEST_CASE("a message that is sent only once is a message that stands") {
  plant(loss::message, "a message stands", "waits for answers at the end");
}

namespace {

/// Lives in which a rule of messages is not kept: the judge says so, in these words (`or_else`: or
/// in some of those).
void break_rule(loss what, const std::string& judgement, const std::vector<std::string>& or_else,
                bool forgetful) {
  constexpr std::uint64_t lives = 100;
  constexpr int reported_at_least = 3;
  auto reported = 0;
  for (std::uint64_t seed = 1; seed <= lives && reported < reported_at_least; ++seed) {
    INFO("seed " << seed);
    auto r = live({.seed = seed, .plant = what, .forgetful = forgetful});
    if (r.failure.contains(judgement))
      ++reported;
    else
      CHECK_MESSAGE((r.failure.empty()
                     || std::ranges::any_of(
                       or_else, [&](const auto& words) { return r.failure.contains(words); })),
                    r.failure);
  }
  CHECK(reported == reported_at_least);
}

} // namespace

TEST_CASE("answers to messages that are lost break no rule") {
  auto lost = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    auto r = live({.seed = seed, .plant = loss::answer});
    INFO("seed " << seed);
    REQUIRE(r.failure == "");
    lost += r.happened["a lost answer"];
  }
  CHECK(lost > 10);
}

TEST_CASE("an inbox by run instead of by id takes a message twice") {
  // The second start of a child fails for ever: its run, which the message names, is there. Or it
  // comes when that is gone, and begins it again.
  break_rule(loss::inbox_of_run, "a message was taken twice",
             {"a message stands", ": created twice"}, false);
}

TEST_CASE("without a random word in message ids what was never taken counts as taken") {
  break_rule(loss::word, "was taken, which nobody has", {"is told that its signal"}, true);
}

} // namespace reprise::simulation
