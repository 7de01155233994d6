#pragma once

#include "tests/support/activity_fixture.hpp"
#include "tests/support/transition_coverage.hpp"

#include <optional>

namespace reprise::testing {

/// A run that was brought to a stage of its life, with a started activity and a timer behind its
/// first task.
class staged_fixture : public activity_fixture {
public:
  /// The first task asks for `pending`, an activity that a worker takes, and for `also`.
  explicit staged_fixture(stage to, const std::vector<command>& also = {timer("t", 60s)},
                          const command& pending = activity("a")) {
    if (to == stage::none)
      return;
    auto r = start_request();
    if (to == stage::held_back)
      *r.mutable_workflow_start_delay() = engine::to_proto(5s);
    start(r);
    if (to != stage::held_back)
      go_on(to, also, pending);
    REQUIRE(stage_of(state()) == to);
  }

  /// Of the workflow task that a worker has, or has had.
  std::optional<worker_task> task{};
  /// Of the started activity.
  cluster::TaskToken activity_token{};

private:
  void go_on(stage to, std::vector<command> commands, const command& pending) {
    commands.insert(commands.begin(), pending);
    task = poll();
    complete(*task, commands);
    activity_token = token_of(poll_activity());
    if (to == stage::idle)
      return;
    if (to == stage::closed) {
      terminate();
      return;
    }
    signal("go on");
    if (to == stage::waiting_again || to == stage::started_again)
      fail(poll());
    if (to == stage::waiting || to == stage::waiting_again)
      return;
    task = poll();
    if (to == stage::taken_back)
      take_back();
  }

  void take_back() {
    cluster::ExecutionRequest request;
    *request.mutable_token() = task->token();
    request.set_run_id(request.token().run_id());
    request.mutable_take_back();
    apply(std::move(request));
  }
};

inline constexpr std::array all_stages{stage::none,          stage::held_back,     stage::idle,
                                       stage::waiting,       stage::waiting_again, stage::started,
                                       stage::started_again, stage::taken_back,    stage::closed};

} // namespace reprise::testing
