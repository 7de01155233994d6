// What one slot's actors have sent and have no answer to, by itself.

#include "actors/slot/sent_messages.hpp"

#include <doctest/doctest.h>

using namespace reprise;
using namespace reprise::actors;
using namespace std::chrono_literals;

namespace {

outbox::Address address(const std::string& id) {
  outbox::Address out;
  out.set_namespace_id("ns");
  out.set_id(id);
  return out;
}

outbox::Message message(const std::string& to, std::int64_t number, std::size_t bytes = 0,
                        const std::string& run_id = "run") {
  outbox::Message m;
  m.set_run_id(run_id);
  m.set_number(number);
  m.set_word(7);
  *m.mutable_to() = address(to);
  m.mutable_signal()->set_signal_name(std::string(bytes, 's'));
  return m;
}

struct fixture {
  message_bounds bounds{};
  message_level level{};
  sent_messages sent{bounds, level};
  duration now = 100s;

  bool add(const outbox::Message& m, bool again = false) {
    return sent.add(address("sender"), m, again, now);
  }

  /// The numbers of the copies that are due.
  std::vector<std::int64_t> due() {
    std::vector<std::int64_t> out;
    for (const auto& c : sent.take_due(now).copies)
      out.push_back(c.message->number());
    return out;
  }

  void answered(const outbox::Message& m) {
    CHECK(sent.answered(message_id(m), now));
  }
};

using numbers = std::vector<std::int64_t>;

} // namespace

TEST_CASE("a message goes at once, and again until its answer is here, ever more seldom") {
  fixture f;
  f.add(message("a", 1));
  auto first = f.sent.take_due(f.now);
  REQUIRE(first.copies.size() == 1);
  CHECK_FALSE(first.copies[0].again);
  CHECK(first.copies[0].from.id() == "sender");
  CHECK(f.sent.next() == f.now + 1s);
  for (auto pause : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    f.now += pause - 1ns;
    CHECK(f.due().empty());
    f.now += 1ns;
    auto due = f.sent.take_due(f.now);
    REQUIRE(due.copies.size() == 1);
    CHECK(due.copies[0].again);
  }
  f.answered(message("a", 1));
  CHECK_FALSE(f.sent.next());
  CHECK_FALSE(f.sent.answered(message_id(message("a", 1)), f.now));
  CHECK(f.level.messages == 0);
  CHECK(f.level.bytes == 0);
}

TEST_CASE("to one address messages go one after another, to others they do not wait") {
  fixture f;
  f.add(message("a", 1));
  f.add(message("a", 2));
  f.add(message("b", 3));
  f.add(message("a", 4));
  CHECK(f.due() == numbers{1, 3});
  f.answered(message("a", 1));
  CHECK(f.due() == numbers{2});
  f.now += 1s;
  CHECK(f.due() == numbers{2, 3});
  f.answered(message("a", 2));
  CHECK(f.due() == numbers{4});
}

TEST_CASE("a message that is known already changes nothing") {
  fixture f;
  f.add(message("a", 1));
  CHECK(f.due() == numbers{1});
  CHECK(f.add(message("a", 1), true));
  CHECK(f.due().empty());
  CHECK(f.level.messages == 1);
}

TEST_CASE("what a run is asked for goes before what it wrote later") {
  fixture f;
  f.add(message("a", 5));
  f.add(message("a", 3), true);
  CHECK(f.due() == numbers{3});
  f.answered(message("a", 3));
  CHECK(f.due() == numbers{5});
  // Of another run the order is that of coming.
  f.add(message("b", 9));
  f.add(message("b", 2, 0, "next run"));
  CHECK(f.due() == numbers{9});
}

TEST_CASE("so many go at once; who does not answer makes room after a second") {
  fixture f;
  f.bounds.under_way_max = 2;
  for (auto n : {1, 2, 3, 4, 5})
    f.add(message("to " + std::to_string(n), n));
  CHECK(f.due() == numbers{1, 2});
  CHECK(f.sent.next() == f.now + 1s);
  f.answered(message("to 1", 1));
  CHECK(f.due() == numbers{3});
  f.now += 1s;
  CHECK(f.due() == numbers{4, 5});
  f.now += 1s;
  CHECK(f.due() == numbers{2, 3});
}

TEST_CASE("there is room for so many, of all slots") {
  fixture f;
  f.bounds.messages_max = 2;
  sent_messages other{f.bounds, f.level};
  CHECK(f.add(message("a", 1)));
  CHECK(other.add(address("b"), message("a", 1, 0, "other"), false, f.now));
  CHECK_FALSE(f.add(message("a", 2)));
  other.clear();
  CHECK(f.add(message("a", 2)));
}

TEST_CASE("a run is asked for what there was no room to keep") {
  fixture f;
  f.bounds.bytes_max = 100;
  f.add(message("a", 1, 500));
  CHECK(f.due() == numbers{1});
  f.add(message("b", 2, 500));
  auto due = f.sent.take_due(f.now);
  CHECK(due.copies.empty());
  CHECK(due.without_content == 1);
  REQUIRE(due.questions.size() == 1);
  CHECK(due.questions[0].run_id == "run");
  CHECK(due.questions[0].sender.id() == "sender");
  // Before there is room the answer does not help.
  f.add(message("b", 2, 500), true);
  CHECK(f.due().empty());
  f.answered(message("a", 1));
  f.add(message("b", 2, 500), true);
  CHECK(f.due() == numbers{2});
}

TEST_CASE("a run is asked when its time has come, and once") {
  fixture f;
  f.sent.ask({.sender = address("sender"), .run_id = "run"}, f.now + 5s);
  f.sent.ask({.sender = address("sender"), .run_id = "run"}, f.now + 2s);
  f.sent.ask({.sender = address("sender"), .run_id = "run"}, f.now + 9s);
  CHECK(f.sent.next() == f.now + 2s);
  CHECK(f.sent.take_due(f.now).questions.empty());
  f.now += 2s;
  CHECK(f.sent.take_due(f.now).questions.size() == 1);
  CHECK_FALSE(f.sent.next());
}
