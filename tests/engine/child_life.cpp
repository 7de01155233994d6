// Children: what their parents are told, and what becomes of them.

#include "tests/support/family.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>

namespace reprise::testing {

SCENARIO("a child is asked for, starts, ends, and its parent hears of each") {
  family f;
  auto c = child_with(enums::PARENT_CLOSE_POLICY_UNSPECIFIED);
  auto& a = *c.mutable_start_child_workflow_execution_command_attributes();
  *a.mutable_input() = payloads("1");
  (*a.mutable_header()->mutable_fields())["h"] = payloads("2").payloads(0);
  a.mutable_priority()->set_fairness_key("key");
  c.mutable_user_metadata()->mutable_summary()->set_data("\"summary\"");
  auto r = f.parent.start_request();
  r.mutable_priority()->set_priority_key(2);
  f.parent.start(r);
  f.parent.complete(f.parent.poll(), {c});
  const auto asked = f.last(f.parent, enums::EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
                            0);
  const auto& i = asked.start_child_workflow_execution_initiated_event_attributes();
  CHECK(i.namespace_() == "default");
  CHECK(i.namespace_id() == "namespace-id");
  CHECK(i.parent_close_policy() == enums::PARENT_CLOSE_POLICY_TERMINATE);
  CHECK(i.workflow_id_reuse_policy() == enums::WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE);
  CHECK(i.has_workflow_run_timeout());
  CHECK(i.workflow_task_timeout().seconds() == 10);
  CHECK(i.priority().priority_key() == 0);
  CHECK(asked.user_metadata().summary().data() == "\"summary\"");
  f.exchange();
  const auto& x = f.kid.state();
  const auto& started = x.started();
  CHECK(started.parent_workflow_execution().workflow_id() == "wf");
  CHECK(started.parent_workflow_execution().run_id() == f.parent.state().created().run_id());
  CHECK(started.parent_workflow_namespace() == "default");
  CHECK(started.parent_initiated_event_id() == 5);
  CHECK(started.root_workflow_execution().workflow_id() == "wf");
  CHECK(started.identity().empty());
  CHECK(started.input().payloads(0).data() == "1");
  CHECK(started.priority().priority_key() == 2);
  CHECK(started.priority().fairness_key() == "key");
  CHECK(x.created().user_metadata().summary().data() == "\"summary\"");
  CHECK(engine::info_of(x).parent_execution().workflow_id() == "wf");
  CHECK(f.kid.types() == names{"WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED"});
  const auto begun = f.last(f.parent, enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED, 0)
                       .child_workflow_execution_started_event_attributes();
  CHECK(begun.workflow_execution().run_id() == x.created().run_id());
  CHECK(begun.header().fields().at("h").data() == "2");
  CHECK(begun.initiated_event_id() == 5);
  engine::context context{
    .now = f.parent.now, .ids = f.parent.ids, .ns = f.parent.ns, .bounds = f.parent.bounds};
  auto described = engine::describe(f.parent.state(), context);
  REQUIRE(described.pending_children_size() == 1);
  CHECK(described.pending_children(0).run_id() == x.created().run_id());
  CHECK(described.pending_children(0).workflow_type_name() == "type");
  WHEN("it completes") {
    f.kid.complete(f.kid.poll(), {f.kid.done("\"result\"")});
    f.exchange("child");
    const auto end = f.last(f.parent, enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED, 0)
                       .child_workflow_execution_completed_event_attributes();
    CHECK(end.result().payloads(0).data() == "\"result\"");
    CHECK(end.started_event_id() == 6);
    CHECK(end.initiated_event_id() == 5);
    CHECK(f.parent.state().children().empty());
    CHECK(f.is_quiet("child"));
    CHECK(f.is_quiet("wf"));
    CHECK(f.remembered() == 0);
  }
  WHEN("it fails") {
    f.kid.complete(f.kid.poll(), {f.kid.fail_workflow("no")});
    f.exchange("child");
    const auto end = f.last(f.parent, enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED, 0)
                       .child_workflow_execution_failed_event_attributes();
    CHECK(end.failure().message() == "no");
    CHECK(end.retry_state() == enums::RETRY_STATE_RETRY_POLICY_NOT_SET);
  }
  WHEN("it is terminated") {
    f.kid.terminate();
    f.exchange("child");
    CHECK(f.count(f.parent, "CHILD_WORKFLOW_EXECUTION_TERMINATED") == 1);
  }
  WHEN("it cancels itself") {
    f.kid.request_cancel();
    auto cancel = bare(enums::COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION);
    cancel.mutable_cancel_workflow_execution_command_attributes();
    f.kid.complete(f.kid.poll(), {cancel});
    f.exchange("child");
    CHECK(f.count(f.parent, "CHILD_WORKFLOW_EXECUTION_CANCELED") == 1);
  }
  WHEN("it goes on in another run, only the end of the chain is told") {
    f.kid.complete(f.kid.poll(), {f.kid.continue_as_new()});
    CHECK(f.kid.messages.empty());
    f.kid.wake_after(1s);
    CHECK(f.kid.state().started().parent_workflow_execution().workflow_id() == "wf");
    f.kid.complete(f.kid.poll(), {f.kid.done()});
    f.exchange("child");
    const auto end = f.last(f.parent, enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED, 0)
                       .child_workflow_execution_completed_event_attributes();
    CHECK(end.workflow_execution().run_id() == f.kid.state().created().run_id());
  }
  WHEN("its end comes while a task runs, it waits behind all else") {
    f.parent.complete(f.parent.poll());
    f.parent.signal("go on");
    auto task = f.parent.poll();
    f.kid.complete(f.kid.poll(), {f.kid.done()});
    f.exchange("child");
    f.parent.signal("late");
    CHECK(f.parent.state().children().empty());
    CHECK(f.parent.text_of(f.parent.complete(task, {f.parent.done()})) == "UnhandledCommand");
  }
}

SCENARIO("a child whose id is taken is not started, and its parent hears why") {
  family f;
  auto c = child_with(enums::PARENT_CLOSE_POLICY_TERMINATE);
  auto& a = *c.mutable_start_child_workflow_execution_command_attributes();
  a.set_control("word");
  auto starts = false;
  SUBCASE("by a run that is open") {
    f.kid.start();
  }
  SUBCASE("by one that closed, and ids are not to be used twice") {
    f.kid.start();
    f.kid.terminate();
    a.set_workflow_id_reuse_policy(enums::WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE);
  }
  SUBCASE("by one that closed well") {
    f.kid.start();
    f.kid.complete(f.kid.poll(), {f.kid.done()});
    a.set_workflow_id_reuse_policy(enums::WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY);
  }
  SUBCASE("by one that failed, which may be followed") {
    f.kid.start();
    f.kid.complete(f.kid.poll(), {f.kid.fail_workflow("no")});
    a.set_workflow_id_reuse_policy(enums::WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY);
    starts = true;
  }
  SUBCASE("by one that is open, and gives way") {
    f.kid.start();
    a.set_workflow_id_reuse_policy(enums::WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING);
    starts = true;
  }
  SUBCASE("by its parent") {
    a.set_workflow_id("wf");
  }
  f.begin({c});
  auto said = f.exchange();
  CHECK((said.code() == 0) == starts);
  CHECK(f.count(f.parent, "CHILD_WORKFLOW_EXECUTION_STARTED") == (starts ? 1 : 0));
  CHECK(f.open_children() == (starts ? 1 : 0));
  if (starts)
    return;
  const auto told = f.last(f.parent, enums::EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED, 0)
                      .start_child_workflow_execution_failed_event_attributes();
  CHECK(told.cause() == enums::START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS);
  CHECK(told.control() == "word");
  CHECK(f.parent.state().children().empty());
  CHECK(f.parent.types().back() == "WORKFLOW_TASK_SCHEDULED");
}

SCENARIO("so many children may be pending, and no more") {
  activity_fixture f;
  f.bounds.pending_children_max = 1;
  f.start();
  CHECK(
    told(f, {child_with(enums::PARENT_CLOSE_POLICY_ABANDON, "a"),
             child_with(enums::PARENT_CLOSE_POLICY_ABANDON, "b")})
    == "PendingChildWorkflowsLimitExceeded: the number of pending child workflow executions, 1, "
       "has reached the per-workflow limit of 1");
  CHECK(f.state().children().empty());
  CHECK(f.messages.empty());
}

SCENARIO("a child that is asked for with the end of its parent never starts") {
  family f;
  f.begin({child_with(enums::PARENT_CLOSE_POLICY_ABANDON), f.parent.done()});
  CHECK(f.parent.messages.empty());
  CHECK(f.is_quiet("wf"));
  CHECK(f.parent.state().children().size() == 1);
}

namespace {

/// How a parent may close.
const std::map<std::string, std::function<void(activity_fixture&)>>& ends() {
  static const std::map<std::string, std::function<void(activity_fixture&)>> all{
    {"completes", [](activity_fixture& f) { f.wake_with({f.done()}); }},
    {"fails", [](activity_fixture& f) { f.wake_with({f.fail_workflow("no")}); }},
    {"continues", [](activity_fixture& f) { f.wake_with({f.continue_as_new()}); }},
    {"is terminated", [](activity_fixture& f) { f.terminate(); }},
    {"times out", [](activity_fixture& f) { f.wake_after(100s); }},
  };
  return all;
}

constexpr std::array policies{enums::PARENT_CLOSE_POLICY_TERMINATE,
                              enums::PARENT_CLOSE_POLICY_REQUEST_CANCEL,
                              enums::PARENT_CLOSE_POLICY_ABANDON};

/// What a child is left in by its parent's policy.
void check_policy(family& f, enums::ParentClosePolicy policy) {
  switch (policy) {
    case enums::PARENT_CLOSE_POLICY_TERMINATE: {
      REQUIRE_FALSE(engine::is_open(f.kid.state()));
      const auto& end
        = f.kid.state().close_event().workflow_execution_terminated_event_attributes();
      CHECK(end.reason() == "by parent close policy");
      CHECK(end.identity() == "history-service");
      return;
    }
    case enums::PARENT_CLOSE_POLICY_REQUEST_CANCEL: {
      CHECK(engine::is_open(f.kid.state()));
      REQUIRE(f.count(f.kid, "WORKFLOW_EXECUTION_CANCEL_REQUESTED") == 1);
      const auto told = f.last(f.kid, enums::EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED,
                               f.kid.runs.size() - 1)
                          .workflow_execution_cancel_requested_event_attributes();
      CHECK(told.external_workflow_execution().workflow_id() == "wf");
      CHECK(told.external_initiated_event_id() == 0);
      CHECK(told.cause().empty());
      return;
    }
    default:
      CHECK(engine::is_open(f.kid.state()));
      CHECK(f.count(f.kid, "WORKFLOW_EXECUTION_CANCEL_REQUESTED") == 0);
  }
}

} // namespace

TEST_CASE("however a parent closes, its children hear of its policy") {
  for (const auto& [how, end] : ends())
    for (auto policy : policies)
      for (auto continued : {false, true}) {
        INFO(how, ", policy ", static_cast<int>(policy), continued ? ", a child that went on" : "");
        family f;
        f.begin({child_with(policy)});
        f.exchange();
        if (continued) {
          f.kid.complete(f.kid.poll(), {f.kid.continue_as_new()});
          f.kid.wake_after(1s);
        }
        f.parent.complete(f.parent.poll());
        end(f.parent);
        REQUIRE_FALSE(engine::is_open(f.parent.runs[0].state));
        f.settle();
        check_policy(f, policy);
        CHECK(f.is_quiet("wf"));
        CHECK(f.is_quiet("child"));
        CHECK(f.remembered() == 0);
      }
}

TEST_CASE(
  "a child that nobody began to start when its parent closed begins only if it is abandoned") {
  for (const auto& [how, end] : ends())
    for (auto policy : policies) {
      INFO(how, ", policy ", static_cast<int>(policy));
      family f;
      f.begin({child_with(policy)});
      auto late = f.parent.messages.front();
      end(f.parent);
      f.settle();
      // A copy that was on its way all the while.
      if (auto said = f.deliver("wf", late)) {
        CHECK(f.answer("wf", *said));
        f.forget(late);
      }
      CHECK(f.kid.runs.size() == (policy == enums::PARENT_CLOSE_POLICY_ABANDON ? 1 : 0));
      CHECK(f.is_quiet("wf"));
      CHECK(f.remembered() == 0);
    }
}

TEST_CASE("a child that began while its parent closed hears of the policy, too") {
  for (const auto& [how, end] : ends())
    for (auto policy : policies)
      for (auto answer_comes : {false, true})
        for (auto continued : {false, true}) {
          INFO(how, ", policy ", static_cast<int>(policy), answer_comes, continued);
          family f;
          f.begin({child_with(policy)});
          auto start = f.take("wf");
          auto late = f.deliver("wf", start);
          REQUIRE(late);
          if (continued) {
            f.kid.complete(f.kid.poll(), {f.kid.continue_as_new()});
            f.kid.wake_after(1s);
          }
          end(f.parent);
          if (answer_comes && f.answer("wf", *late))
            f.forget(start);
          f.settle();
          REQUIRE(f.kid.runs.size() == (continued ? 2 : 1));
          check_policy(f, policy);
          CHECK(f.is_quiet("wf"));
          CHECK(f.is_quiet("child"));
          CHECK(f.remembered() == 0);
        }
}

TEST_CASE("a withdrawal that comes twice, or to an id that another run has, does no harm") {
  for (auto policy :
       {enums::PARENT_CLOSE_POLICY_TERMINATE, enums::PARENT_CLOSE_POLICY_REQUEST_CANCEL})
    for (auto taken : {false, true}) {
      INFO("policy ", static_cast<int>(policy), taken);
      family f;
      f.begin({child_with(policy)});
      auto start = f.take("wf");
      if (taken) {
        REQUIRE(f.deliver("wf", start));
        f.kid.terminate();
      }
      f.kid.start();
      auto runs = f.kid.runs.size();
      f.parent.terminate();
      auto withdrawal = f.take("wf");
      REQUIRE(withdrawal.has_withdraw());
      REQUIRE(f.deliver("wf", withdrawal));
      f.settle();
      CHECK(f.kid.runs.size() == runs);
      CHECK(engine::is_open(f.kid.state()));
      CHECK_FALSE(f.kid.state().cancel_requested());
      CHECK(f.is_quiet("wf"));
      CHECK(f.remembered() == 0);
    }
}

SCENARIO("a child's end may be told before the answer to its start") {
  family f;
  f.begin({child_with(enums::PARENT_CLOSE_POLICY_TERMINATE)});
  auto m = f.take("wf");
  auto late = f.deliver("wf", m);
  REQUIRE(late);
  f.kid.complete(f.kid.poll(), {f.kid.done()});
  f.exchange("child");
  CHECK(f.parent.types_after(5)
        == names{"CHILD_WORKFLOW_EXECUTION_STARTED", "CHILD_WORKFLOW_EXECUTION_COMPLETED",
                 "WORKFLOW_TASK_SCHEDULED"});
  auto events = f.parent.types();
  CHECK(f.answer("wf", *late));
  CHECK(f.parent.types() == events);
  CHECK(f.is_quiet("wf"));
}

SCENARIO("only a child hears what is for children") {
  family f;
  f.begin({child_with(enums::PARENT_CLOSE_POLICY_TERMINATE)});
  f.exchange();
  auto signal = signal_external("child");
  signal.mutable_signal_external_workflow_execution_command_attributes()->set_child_workflow_only(
    true);
  auto cancel = cancel_external("child");
  cancel.mutable_request_cancel_external_workflow_execution_command_attributes()
    ->set_child_workflow_only(true);
  f.parent.complete(f.parent.poll(), {signal, cancel});
  f.settle();
  CHECK(f.count(f.kid, "WORKFLOW_EXECUTION_SIGNALED") == 1);
  CHECK(f.count(f.kid, "WORKFLOW_EXECUTION_CANCEL_REQUESTED") == 1);
  CHECK(f.count(f.parent, "EXTERNAL_WORKFLOW_EXECUTION_SIGNALED") == 1);
}

// -- crashes --------------------------------------------------------------------------------------

namespace {

enum class fate : std::uint8_t {
  goes_well,
  not_durable,
  lost,
};

constexpr std::array fates{fate::goes_well, fate::not_durable, fate::lost};

void exchange_by(family& f, const std::string& from, fate at_receiver, fate at_sender) {
  if (f.at(from).messages.empty())
    return;
  auto m = f.take(from);
  auto said = f.deliver(from, m, at_receiver != fate::not_durable);
  if (said && at_receiver == fate::goes_well
      && f.answer(from, *said, at_sender != fate::not_durable) && at_sender == fate::goes_well)
    f.forget(m);
}

} // namespace

TEST_CASE("whoever dies when: a child starts once, ends once, and none is left behind") {
  for (auto start_at_child : fates)
    for (auto start_at_parent : fates)
      for (auto end_at_parent : fates)
        for (auto end_at_child : fates)
          for (auto closes : {false, true}) {
            INFO(static_cast<int>(start_at_child), static_cast<int>(start_at_parent),
                 static_cast<int>(end_at_parent), static_cast<int>(end_at_child),
                 closes ? ", the parent closes" : "");
            family f;
            f.begin({child_with(enums::PARENT_CLOSE_POLICY_TERMINATE)});
            exchange_by(f, "wf", start_at_child, start_at_parent);
            if (closes)
              f.parent.terminate();
            if (!f.kid.runs.empty() && engine::is_open(f.kid.state())) {
              f.kid.complete(f.kid.poll(), {f.kid.done()});
              exchange_by(f, "child", end_at_parent, end_at_child);
            }
            f.settle();
            CHECK(f.kid.runs.size() <= 1);
            CHECK((closes || f.kid.runs.size() == 1));
            auto begun = f.count(f.parent, "CHILD_WORKFLOW_EXECUTION_STARTED");
            auto over = f.count(f.parent, "CHILD_WORKFLOW_EXECUTION_COMPLETED");
            CHECK(begun <= 1);
            CHECK(over <= 1);
            if (closes)
              CHECK(f.open_children() == 0);
            else
              CHECK(begun == 1);
            if (!closes && !engine::is_open(f.kid.state()))
              CHECK(over == 1);
            CHECK(f.is_quiet("wf"));
            CHECK(f.is_quiet("child"));
            CHECK(f.remembered() == 0);
          }
}

namespace {

/// What becomes of the child between the first copy of its start and the next.
const std::map<std::string, std::function<void(activity_fixture&)>>& changes_of_child() {
  auto end = [](activity_fixture& f) {
    if (!f.runs.empty() && engine::is_open(f.state()))
      f.terminate();
  };
  static const std::map<std::string, std::function<void(activity_fixture&)>> all{
    {"nothing", [](activity_fixture&) {}},
    {"closed", end},
    {"continued",
     [](activity_fixture& f) {
       if (!f.runs.empty() && f.offered())
         f.complete(f.poll(), {f.continue_as_new()});
     }},
    {"reset", post::reset_to_last_task},
    {"deleted", [](activity_fixture& f) { f.runs.clear(); }},
    {"begun anew by somebody else",
     [end](activity_fixture& f) {
       end(f);
       f.start();
     }},
  };
  return all;
}

/// Chains that the parent's start began.
int chains_begun(const activity_fixture& kid) {
  auto n = 0;
  for (const auto& run : kid.runs)
    n += run.state.started().has_parent_workflow_execution()
         && run.state.started().continued_execution_run_id().empty()
         && !run.state.created().has_reset_time();
  return n;
}

} // namespace

TEST_CASE("whoever dies when, and whatever becomes of a child: it is started once") {
  for (auto at_child : fates)
    for (auto at_parent : fates)
      for (const auto& [change, make] : changes_of_child()) {
        INFO(static_cast<int>(at_child), " ", static_cast<int>(at_parent), ", ", change);
        family f;
        f.begin({child_with(enums::PARENT_CLOSE_POLICY_TERMINATE)});
        auto m = f.parent.messages.back();
        exchange_by(f, "wf", at_child, at_parent);
        auto taken = at_child != fate::not_durable;
        CHECK(chains_begun(f.kid) == (taken ? 1 : 0));
        make(f.kid);
        auto left = chains_begun(f.kid);
        f.settle();
        // Of what was taken nothing is taken again, whoever has the id now; also by a copy that
        // comes late.
        auto begun = chains_begun(f.kid);
        if (taken)
          CHECK(begun == left);
        CHECK(begun <= 1);
        f.deliver("wf", m);
        CHECK(chains_begun(f.kid) == begun);
        CHECK(f.count(f.parent, "CHILD_WORKFLOW_EXECUTION_STARTED")
                + f.count(f.parent, "START_CHILD_WORKFLOW_EXECUTION_FAILED")
              == 1);
        if (taken)
          CHECK(f.count(f.parent, "CHILD_WORKFLOW_EXECUTION_STARTED") == 1);
        CHECK(f.is_quiet("wf"));
        CHECK(f.is_quiet("child"));
        CHECK(f.remembered() == 0);
      }
}

TEST_CASE("a parent with 10,000 children is told of each") {
  constexpr int count = 10'000;
  constexpr int a_task = 500;
  activity_fixture f;
  f.bounds.pending_children_max = count;
  auto r = f.start_request();
  r.mutable_workflow_run_timeout()->set_seconds(1'000'000);
  f.start(r);
  for (int i = 0; i < count; i += a_task) {
    if (i > 0)
      f.signal("go on");
    std::vector<command> commands;
    for (int n = i; n < i + a_task; ++n)
      commands.push_back(
        child_with(enums::PARENT_CLOSE_POLICY_TERMINATE, "child-" + std::to_string(n)));
    REQUIRE_FALSE(f.complete(f.poll(), commands).answer.failure);
  }
  CHECK(f.state().children().size() == count);
  CHECK(f.messages.size() == count);
}

} // namespace reprise::testing
