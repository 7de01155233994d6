// Lives on a store that forgets its last commits now and then, as a database does that fails over
// to a replica which was behind. What was lost stays lost; everything else goes on.
#include "tests/support/actor_fixture.hpp"

#include <random>

using namespace reprise;
using namespace reprise::testing;

namespace {

constexpr int ok = 0;

class forgetful_life : public actor_fixture {
public:
  explicit forgetful_life(unsigned seed) : random_(seed) {
    decide_fault = [this](store::operation op) {
      if (op != store::operation::commit || forgets_ == 0)
        return store::fault{};
      --forgets_;
      return store::fault{.what = store::fault::kind::forgotten};
    };
  }

  void live() {
    for (int i = 0; i < 150; ++i)
      step();
    forgets_ = 0;
    // The first write behind the last loss finds it, the rest is healed by itself.
    for (const auto& id : ids_)
      ask_raw(signal_request(id, "last"));
    advance(5s);
  }

  /// Every workflow is whole and can be brought to its end.
  void check() {
    CHECK(node->shared().watch.parked.value() == 0);
    for (const auto& id : ids_) {
      CAPTURE(id);
      auto again = start_request(id);
      again.mutable_start()->set_request_id("again-" + id);
      // Unless its start is among what was lost, it runs.
      ask_raw(again);
      CHECK(ask_raw(signal_request(id, "end")).status().code() == ok);
      advance(120s);
      finish(id);
      auto events = history(id);
      CHECK(events.front() == enums::EVENT_TYPE_WORKFLOW_EXECUTION_STARTED);
      CHECK(events.back() == enums::EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED);
    }
  }

private:
  int below(int n) {
    return std::uniform_int_distribution<int>{0, n - 1}(random_);
  }

  void step() {
    const auto& id = ids_[static_cast<std::size_t>(below(std::ssize(ids_)))];
    switch (below(6)) {
      case 0:
        ask_raw(start_request(id));
        return;
      case 1:
      case 2:
        ask_raw(signal_request(id, "signal-" + std::to_string(next_call())));
        return;
      case 3:
        answer_task({timer_command("timer-" + std::to_string(next_call()), 1 + below(20))});
        return;
      case 4:
        advance(std::chrono::seconds{1 + below(10)});
        return;
      default:
        if (below(4) == 0)
          forgets_ = 1 + below(5);
    }
  }

  /// Takes the oldest task that was offered and answers it; false when it is not to be had.
  bool answer_task(const std::vector<api::command::v1::Command>& commands) {
    if (seen.offers.empty())
      return false;
    auto task = std::move(seen.offers.front());
    seen.offers.pop_front();
    auto r = request(task.workflow_id());
    r.set_run_id(task.run_id());
    auto& s = *r.mutable_start_workflow_task();
    s.set_identity("worker");
    s.set_request_id("poll-" + std::to_string(next_call()));
    s.mutable_task_queue()->set_name(task.task_queue());
    *s.mutable_task() = std::move(task);
    auto call = send_for_poller(r);
    run();
    if (!answered(call) || code(call) != ok)
      return false;
    service::PollWorkflowTaskQueueResponse given;
    REQUIRE(given.ParseFromString(reply(call).response()));
    return !given.task_token().empty()
           && ask_raw(complete_request(given, commands)).status().code() == ok;
  }

  void finish(const std::string& id) {
    auto is_over = [&] {
      auto events = history(id);
      return events.back() == enums::EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED;
    };
    for (int i = 0; i < 50 && !is_over(); ++i) {
      while (!seen.offers.empty())
        answer_task({complete_command()});
      // What was under way when it was lost is offered again by its time-out.
      advance(11s);
    }
  }

  const std::vector<std::string> ids_{"a", "b", "c"};
  std::mt19937 random_;
  int forgets_ = 0;
};

} // namespace

TEST_CASE("on a store that forgets its last commits now and then, what is left goes on") {
  std::uint64_t found = 0;
  for (unsigned seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    forgetful_life life{seed};
    life.live();
    life.check();
    found += life.node->shared().watch.lost_rows.value();
  }
  CHECK(found > 12);
}

TEST_CASE_FIXTURE(actor_fixture, "no run begins beside one whose end the store lost") {
  auto first = start("w");
  auto forgets = true;
  decide_fault = [&](store::operation what) {
    auto lost = what == store::operation::commit && forgets;
    return store::fault{.what = lost ? store::fault::kind::forgotten : store::fault::kind::none};
  };
  auto task = take_workflow_task();
  REQUIRE(ask_raw(complete_request(task, {complete_command()})).status().code() == ok);
  forgets = false;
  auto again = start_request("w");
  again.mutable_start()->set_request_id("again");
  constexpr int already_exists = 6;
  constexpr int unavailable = 14;
  auto code = ask_raw(again).status().code();
  CHECK((code == already_exists || code == unavailable));
  advance(5s);
  CHECK(ask_raw(again).status().code() == already_exists);
  auto current = below().current_run(ns, machine_kind::workflow, "w");
  REQUIRE(current);
  REQUIRE(current->has_value());
  CHECK((**current).run_id == first);
  CHECK(node->shared().watch.lost_rows.value() > 0);
}
