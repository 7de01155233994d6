// How many calls a namespace may make, where that is limited; and the way of a deleted namespace.
#include "temporal/api/errordetails/v1/message.pb.h"
#include "tests/support/server_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;

namespace {

using limits = frontend::rate_limits;

struct limited : server_fixture {
  explicit limited(limits most) : server_fixture({.front = {.rates = std::move(most)}}) {
    ws::RegisterNamespaceRequest r;
    r.set_namespace_("other");
    r.mutable_workflow_execution_retention_period()->set_seconds(90'000);
    ok<ws::RegisterNamespaceResponse>(r);
  }

  static limits rate_of(limits::group which, double per_second, double burst) {
    limits out;
    out.rates[static_cast<std::size_t>(which)] = {.per_second = per_second, .burst = burst};
    return out;
  }

  static ws::DescribeNamespaceRequest describe_request(const std::string& name = "default") {
    ws::DescribeNamespaceRequest r;
    r.set_namespace_(name);
    return r;
  }

  template <class Request>
  void check_refused(const Request& r, enums::ResourceExhaustedCause cause, const char* text,
                     const call_options& o = {}) {
    auto why = refused(errc::resource_exhausted, text, r, o);
    CHECK(why.detail_type == "temporal.api.errordetails.v1.ResourceExhaustedFailure");
    api::errordetails::v1::ResourceExhaustedFailure detail;
    REQUIRE(detail.ParseFromString(why.detail));
    CHECK(detail.cause() == cause);
    CHECK(detail.scope() == enums::RESOURCE_EXHAUSTED_SCOPE_NAMESPACE);
  }

  template <class Request>
  void check_too_fast(const Request& r) {
    check_refused(r, enums::RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT, "namespace rate limit exceeded");
  }
};

} // namespace

TEST_CASE("a namespace has its rate of calls, with a burst, and no other's") {
  limited f{limited::rate_of(limits::group::others, 2, 2)};
  for (int i = 0; i < 4; ++i)
    f.ok<ws::DescribeNamespaceResponse>(limited::describe_request());
  f.check_too_fast(limited::describe_request());
  f.check_too_fast(f.start_request("w"));
  // Who asks for too much waits no longer for it.
  f.ok<ws::DescribeNamespaceResponse>(limited::describe_request("other"));
  f.ok<ws::ListNamespacesResponse>(ws::ListNamespacesRequest{});
  f.ok<ws::GetSystemInfoResponse>(ws::GetSystemInfoRequest{});
  f.advance(500ms);
  f.ok<ws::StartWorkflowExecutionResponse>(f.start_request("w"));
  f.check_too_fast(f.start_request("v"));
  // Lists have a rate of their own, which is not set.
  ws::ListWorkflowExecutionsRequest list;
  list.set_namespace_("default");
  for (int i = 0; i < 10; ++i)
    f.ok<ws::ListWorkflowExecutionsResponse>(list);
  f.advance(1h);
  for (int i = 0; i < 4; ++i)
    f.ok<ws::DescribeNamespaceResponse>(limited::describe_request());
  f.check_too_fast(limited::describe_request());
}

TEST_CASE("a rate below one call a second allows one now and then, and none is none") {
  limited f{limited::rate_of(limits::group::others, 0.25, 1)};
  f.ok<ws::DescribeNamespaceResponse>(limited::describe_request());
  f.check_too_fast(limited::describe_request());
  f.advance(5s);
  f.ok<ws::DescribeNamespaceResponse>(limited::describe_request());
  limited none{limited::rate_of(limits::group::others, 0, 2)};
  none.advance(60s);
  none.check_too_fast(limited::describe_request());
}

TEST_CASE("lists and counts share a rate, and so do changes of namespaces") {
  ws::ListWorkflowExecutionsRequest list;
  list.set_namespace_("default");
  ws::CountWorkflowExecutionsRequest count;
  count.set_namespace_("default");
  ws::UpdateNamespaceRequest change;
  change.set_namespace_("default");
  {
    limited f{limited::rate_of(limits::group::lists, 2, 1)};
    f.ok<ws::ListWorkflowExecutionsResponse>(list);
    f.ok<ws::CountWorkflowExecutionsResponse>(count);
    f.check_too_fast(list);
    f.check_too_fast(count);
    f.ok<ws::UpdateNamespaceResponse>(change);
  }
  {
    limited f{limited::rate_of(limits::group::changes_of_namespaces, 1, 2)};
    f.ok<ws::UpdateNamespaceResponse>(change);
    f.ok<ws::UpdateNamespaceResponse>(change);
    f.check_too_fast(change);
    f.ok<ws::ListWorkflowExecutionsResponse>(list);
  }
}

TEST_CASE("so many calls of one method may wait in a namespace") {
  limits most;
  most.waiting_max = 2;
  limited f{most};
  constexpr const char* text = "namespace concurrent poller limit exceeded";
  call_options patient{.timeout = 10s};
  auto poll = f.poll_request();
  auto first = f.send_request(poll, patient);
  auto second = f.send_request(poll, patient);
  f.run();
  f.check_refused(poll, enums::RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT, text, patient);
  // Those of another method, and of another namespace, have places of their own.
  ws::PollActivityTaskQueueRequest activities;
  activities.set_namespace_("default");
  activities.mutable_task_queue()->set_name("queue");
  auto third = f.send_request(activities, patient);
  auto elsewhere = poll;
  elsewhere.set_namespace_("other");
  auto fourth = f.send_request(elsewhere, patient);
  f.run();
  CHECK_FALSE(third.answered());
  CHECK_FALSE(fourth.answered());
  SUBCASE("one that has its answer gives its place up") {
    f.ok<ws::StartWorkflowExecutionResponse>(f.start_request("w"));
    REQUIRE(first.answered());
  }
  SUBCASE("one whose caller is gone does") {
    first.handle->cancel();
  }
  SUBCASE("one that ends with nothing does") {
    f.advance(9s);
    REQUIRE(first.answered());
    second = f.send_request(poll, patient);
  }
  f.run();
  auto next = f.send_request(poll, patient);
  f.run();
  CHECK_FALSE(next.answered());
  f.check_refused(poll, enums::RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT, text, patient);
}

TEST_CASE("a history takes a place only while it is waited for") {
  limits most;
  most.waiting_max = 0;
  limited f{most};
  f.ok<ws::StartWorkflowExecutionResponse>(f.start_request("w"));
  ws::GetWorkflowExecutionHistoryRequest r;
  r.set_namespace_("default");
  r.mutable_execution()->set_workflow_id("w");
  f.ok<ws::GetWorkflowExecutionHistoryResponse>(r);
  r.set_wait_new_event(true);
  f.check_refused(r, enums::RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT,
                  "namespace concurrent poller limit exceeded", {.timeout = 10s});
}

TEST_CASE_FIXTURE(server_fixture, "a deleted namespace goes, name and all, and the name is free") {
  ws::RegisterNamespaceRequest named;
  named.set_namespace_("shop");
  named.mutable_workflow_execution_retention_period()->set_seconds(90'000);
  ok<ws::RegisterNamespaceResponse>(named);
  for (int i = 0; i < 20; ++i) {
    auto r = start_request("w" + std::to_string(i));
    r.set_namespace_("shop");
    ok<ws::StartWorkflowExecutionResponse>(r);
  }
  ok<ws::StartWorkflowExecutionResponse>(start_request("kept"));
  op::DeleteNamespaceRequest gone;
  gone.set_namespace_("shop");
  std::string id;
  SUBCASE("at once") {
  }
  SUBCASE("later") {
    gone.mutable_namespace_delete_delay()->set_seconds(60);
  }
  ws::DescribeNamespaceRequest describe;
  describe.set_namespace_("shop");
  id = ok<ws::DescribeNamespaceResponse>(describe).namespace_info().id();
  auto name = ok<op::DeleteNamespaceResponse>(gone).deleted_namespace();
  CHECK(name == "shop-deleted-" + id.substr(0, 5));
  CHECK(refusal(describe).code == errc::not_found);
  ok<ws::RegisterNamespaceResponse>(named);
  ws::DescribeNamespaceRequest by_id;
  by_id.set_id(id);
  for (int i = 0; i < 30; ++i)
    advance(1s);
  if (gone.has_namespace_delete_delay()) {
    CHECK(ok<ws::DescribeNamespaceResponse>(by_id).namespace_info().name() == name);
    for (int i = 0; i < 33; ++i)
      advance(1s);
  }
  CHECK(refusal(by_id).code == errc::not_found);
  auto left = below().runs_of(id, 0, 1000);
  REQUIRE(left);
  CHECK(left->runs.empty());
  auto again = start_request("w0");
  again.set_namespace_("shop");
  CHECK(ok<ws::StartWorkflowExecutionResponse>(again).started());
  ok<ws::SignalWorkflowExecutionResponse>(signal_request("kept"));
}

TEST_CASE_FIXTURE(server_fixture, "a retention that changes is for closed runs, too") {
  ok<ws::StartWorkflowExecutionResponse>(start_request("w"));
  ws::TerminateWorkflowExecutionRequest end;
  end.set_namespace_("default");
  end.mutable_workflow_execution()->set_workflow_id("w");
  ok<ws::TerminateWorkflowExecutionResponse>(end);
  ws::DescribeWorkflowExecutionRequest describe;
  describe.set_namespace_("default");
  describe.mutable_execution()->set_workflow_id("w");
  advance(2h);
  ok<ws::DescribeWorkflowExecutionResponse>(describe);
  ws::UpdateNamespaceRequest change;
  change.set_namespace_("default");
  change.mutable_config()->mutable_workflow_execution_retention_ttl()->set_seconds(3600);
  ok<ws::UpdateNamespaceResponse>(change);
  for (int i = 0; i < 5; ++i)
    advance(1s);
  CHECK(refusal(describe).code == errc::not_found);
}
