// A batch operation: the durable side of it, which acts on nobody.
#include "engine/batch/batch_machine.hpp"

#include "protocol/address.hpp"
#include "protocol/batch.pb.h"
#include "protocol/internal_queue.hpp"
#include "temporal/api/batch/v1/message.pb.h"
#include "temporal/api/errordetails/v1/message.pb.h"
#include "tests/support/engine_fixture.hpp"

#include <functional>
#include <memory>
#include <utility>

using namespace reprise;
using namespace reprise::testing;

namespace {

class no_workers final : public engine::outlook {
public:
  bool polled_since(const std::string&, cluster::Task::Kind, time_point) const override {
    return false;
  }
};

struct batch_fixture : engine_fixture {
  const engine::machine& machine = engine::the_batch_machine();
  engine::run_state live;
  engine::run_state replayed = machine.make_state();

  engine::decision decide(const std::function<void(cluster::ExecutionRequest&)>& fill) {
    auto request = std::make_shared<cluster::ExecutionRequest>();
    request->set_namespace_id(ns.id);
    request->set_machine(number_of(machine_kind::batch));
    request->set_workflow_id("job");
    fill(*request);
    engine::session_ptr session;
    const no_workers around;
    const engine::session_bounds room;
    const engine::context c{.now = now, .ids = ids, .ns = ns, .bounds = bounds};
    auto out = machine.decide(live, session,
                              {.request = request, .c = c, .around = around, .room = room});
    if (out.successor) {
      REQUIRE(machine.evolve(replayed, out.successor->written));
      live = std::move(out.successor->state);
    } else if (!out.written.empty()) {
      REQUIRE(machine.evolve(replayed, out.written));
    }
    if (live)
      CHECK(deterministic(state()) == deterministic(replayed.as<batch::BatchState>()));
    return out;
  }

  const batch::BatchState& state() const {
    return live.as<batch::BatchState>();
  }

  static service::StartBatchOperationRequest by_query(float rate = 100) {
    service::StartBatchOperationRequest r;
    r.set_namespace_("default");
    r.set_job_id("job");
    r.set_reason("cleaning up");
    r.set_visibility_query("WorkflowType = 'x'");
    r.mutable_termination_operation()->set_identity("me");
    r.set_max_operations_per_second(rate);
    return r;
  }

  engine::decision begin(const service::StartBatchOperationRequest& r = by_query()) {
    return decide([&](auto& request) { *request.mutable_start_batch() = r; });
  }

  engine::decision report(const cluster::ReportBatch& r) {
    return decide([&](auto& request) { *request.mutable_report_batch() = r; });
  }

  engine::decision report(std::int64_t page, std::int64_t done, const std::string& next) {
    cluster::ReportBatch r;
    r.set_page(page);
    r.set_done(done);
    r.set_next_page_token(next);
    return report(r);
  }

  engine::decision wake() {
    return decide([](auto& request) { request.mutable_wake(); });
  }

  engine::decision stop() {
    return decide([](auto& request) {
      request.mutable_stop_batch()->set_reason("enough");
      request.mutable_stop_batch()->set_identity("stopper");
    });
  }

  service::DescribeBatchOperationResponse describe() {
    auto out = decide([](auto& request) { request.mutable_describe_batch(); });
    REQUIRE_FALSE(out.reply.now.failure);
    CHECK(out.only_read);
    service::DescribeBatchOperationResponse response;
    REQUIRE(response.ParseFromString(out.reply.now.response));
    return response;
  }

  static batch::Order order_in(const engine::decision& said) {
    batch::Order out;
    REQUIRE_FALSE(said.reply.now.failure);
    REQUIRE_FALSE(said.reply.now.response.empty());
    REQUIRE(out.ParseFromString(said.reply.now.response));
    return out;
  }
};

} // namespace

TEST_CASE_FIXTURE(batch_fixture, "a batch offers its first page when it begins") {
  auto begun = begin();
  REQUIRE(begun.offers.size() == 1);
  const auto& task = begun.offers[0];
  CHECK(task.machine() == number_of(machine_kind::batch));
  CHECK(task.workflow_id() == "job");
  CHECK(task.task_queue() == protocol::own_work_queue);
  CHECK(machine.undelivered_since(live) == now);
  CHECK(machine.next_deadline(live) == now + engine::batch_page_patience);
  auto order = order_in(report({}));
  CHECK(order.page() == 1);
  CHECK(order.plan().empty());
  CHECK(order.run_id() == task.run_id());
  CHECK(order.request().visibility_query() == "WorkflowType = 'x'");
  // Five pages a second.
  CHECK(order.targets_max() == 20);
}

TEST_CASE_FIXTURE(batch_fixture,
                  "a batch ends behind its last page, with what became of its runs") {
  begin();
  cluster::ReportBatch first;
  first.set_page(1);
  first.set_total(3);
  first.set_next_page_token("plan");
  auto went_on = report(first);
  // The first page only looks for runs, so the next begins at once, with whoever reported.
  CHECK(order_in(went_on).plan() == "plan");
  CHECK(went_on.offers.empty());
  CHECK_FALSE(went_on.visibility_changed);
  CHECK(describe().total_operation_count() == 3);
  now += 50ms;
  cluster::ReportBatch last;
  last.set_page(2);
  last.set_done(3);
  last.set_failed(1);
  auto ended = report(last);
  CHECK(ended.visibility_changed);
  CHECK(ended.reply.now.response.empty());
  auto described = describe();
  CHECK(described.operation_type() == enums::BATCH_OPERATION_TYPE_TERMINATE_WORKFLOW);
  CHECK(described.job_id() == "job");
  CHECK(described.state() == enums::BATCH_OPERATION_STATE_COMPLETED);
  CHECK(described.total_operation_count() == 4);
  CHECK(described.complete_operation_count() == 3);
  CHECK(described.failure_operation_count() == 1);
  CHECK(described.identity() == "me");
  CHECK(described.reason() == "cleaning up");
  CHECK(described.query() == "WorkflowType = 'x'");
  CHECK(engine::from_proto(described.close_time()) == now);
  CHECK(machine.list(live, {}).status == enums::WORKFLOW_EXECUTION_STATUS_COMPLETED);
  CHECK_FALSE(machine.standing_of(live).open);
  CHECK_FALSE(machine.undelivered_since(live));
}

TEST_CASE_FIXTURE(batch_fixture, "pages come no faster than the rate allows") {
  begin(by_query(10));
  auto began = now;
  // Two runs a page, five pages a second.
  CHECK(order_in(report(1, 0, "p2")).targets_max() == 2);
  CHECK(report(2, 2, "p3").reply.now.response.empty());
  CHECK(machine.next_deadline(live) == began + 200ms);
  CHECK_FALSE(machine.undelivered_since(live));
  CHECK(wake().only_read);
  now = began + 200ms;
  auto woken = wake();
  CHECK(woken.offers.size() == 1);
  CHECK(machine.undelivered_since(live) == now);
  // One that comes late does not make those behind it come faster.
  now = began + 900ms;
  CHECK(order_in(report(3, 2, "p4")).page() == 4);
  CHECK(report(4, 2, "p5").reply.now.response.empty());
  CHECK(machine.next_deadline(live) == began + 1100ms);
}

TEST_CASE_FIXTURE(batch_fixture, "a slow batch has one run a page") {
  begin(by_query(0.5));
  auto began = now;
  CHECK(order_in(report(1, 0, "p2")).targets_max() == 1);
  report(2, 1, "p3");
  CHECK(machine.next_deadline(live) == began + 2s);
}

TEST_CASE_FIXTURE(batch_fixture, "a batch that gets nothing done waits longer each time") {
  begin();
  report(1, 0, "p2");
  for (auto pause : {1s, 2s, 4s, 8s, 10s, 10s}) {
    report(state().page(), 0, "again");
    CHECK(machine.next_deadline(live) == now + pause);
    now += pause;
    CHECK(wake().offers.size() == 1);
  }
  report(state().page(), 1, "more");
  CHECK(state().pauses() == 0);
}

TEST_CASE_FIXTURE(batch_fixture, "a page that nobody reports is offered again, and taken once") {
  begin();
  now += engine::batch_page_patience;
  auto woken = wake();
  CHECK(woken.offers.size() == 1);
  CHECK(machine.next_deadline(live) == now + engine::batch_page_patience);
  auto offered = decide([](auto& request) { request.mutable_reoffer()->set_queue_was_lost(true); });
  CHECK(offered.offers.size() == 1);
  CHECK(offered.only_read);
  auto elsewhere
    = decide([](auto& request) { request.mutable_reoffer()->set_task_queue("users'"); });
  CHECK(elsewhere.offers.empty());
  auto messages = decide([](auto& request) { request.mutable_reoffer()->set_only_messages(true); });
  CHECK(messages.offers.empty());
  report(1, 0, "p2");
  report(2, 5, "p3");
  // Two were at it.
  auto second = report(2, 5, "p3");
  CHECK(second.only_read);
  CHECK(second.reply.now.response.empty());
  CHECK(describe().complete_operation_count() == 5);
}

TEST_CASE_FIXTURE(batch_fixture,
                  "a batch is stopped once, and what is reported then is not taken") {
  begin();
  report(1, 0, "p2");
  auto stopped = stop();
  CHECK(stopped.visibility_changed);
  CHECK(describe().state() == enums::BATCH_OPERATION_STATE_FAILED);
  CHECK(machine.list(live, {}).status == enums::WORKFLOW_EXECUTION_STATUS_TERMINATED);
  auto again = stop();
  REQUIRE(again.reply.now.failure);
  CHECK(again.reply.now.failure->message == "workflow execution already completed");
  CHECK(report(2, 5, "p3").only_read);
  CHECK(describe().complete_operation_count() == 0);
  CHECK_FALSE(machine.undelivered_since(live));
}

TEST_CASE_FIXTURE(batch_fixture, "a batch whose runs cannot be listed fails") {
  begin();
  cluster::ReportBatch r;
  r.set_page(1);
  r.set_failure("no such attribute");
  CHECK(report(r).visibility_changed);
  CHECK(describe().state() == enums::BATCH_OPERATION_STATE_FAILED);
  CHECK(machine.list(live, {}).status == enums::WORKFLOW_EXECUTION_STATUS_FAILED);
}

TEST_CASE_FIXTURE(batch_fixture, "a job's id is used once while the job is known") {
  begin();
  auto running = begin();
  REQUIRE(running.reply.now.failure);
  CHECK(running.reply.now.failure->code == errc::already_exists);
  auto run_id = state().run_id();
  CHECK(running.reply.now.failure->message
        == "Workflow execution is already running. WorkflowId: job, RunId: " + run_id + ".");
  stop();
  auto over = begin();
  REQUIRE(over.reply.now.failure);
  CHECK(over.reply.now.failure->message
        == "Workflow execution already finished. WorkflowId: job, RunId: " + run_id
             + ". Workflow Id reuse policy: reject duplicate workflow Id.");
  api::errordetails::v1::WorkflowExecutionAlreadyStartedFailure detail;
  REQUIRE(detail.ParseFromString(over.reply.now.failure->detail));
  CHECK(detail.run_id() == run_id);
  CHECK(detail.first_execution_run_id() == run_id);
  CHECK_FALSE(detail.start_request_id().empty());
}

TEST_CASE_FIXTURE(batch_fixture, "a batch that is over goes when its retention ends") {
  begin();
  ns.retention = 90min;
  stop();
  auto end = now + 90min;
  CHECK(machine.next_deadline(live) == end);
  CHECK_FALSE(wake().erase);
  now = end;
  CHECK(wake().erase);
}

TEST_CASE_FIXTURE(batch_fixture, "what is not there answers as a workflow that is not there") {
  for (auto fill : {+[](cluster::ExecutionRequest& r) { r.mutable_stop_batch(); },
                    +[](cluster::ExecutionRequest& r) { r.mutable_describe_batch(); }}) {
    auto out = decide(fill);
    REQUIRE(out.reply.now.failure);
    CHECK(out.reply.now.failure->message == "workflow not found for ID: job");
  }
  CHECK(wake().only_read);
  CHECK(report(1, 0, {}).only_read);
  CHECK_FALSE(live);
}

TEST_CASE_FIXTURE(batch_fixture, "a list tells of a batch what lists of batches show") {
  service::StartBatchOperationRequest r = by_query();
  r.clear_visibility_query();
  r.mutable_signal_operation()->set_identity("someone");
  auto& named = *r.add_executions();
  named.set_workflow_id("a");
  named.set_run_id("run");
  begin(r);
  api::batch::v1::BatchOperationInfo info;
  REQUIRE(info.ParseFromString(machine.list(live, {}).info));
  CHECK(info.job_id() == "job");
  CHECK(info.state() == enums::BATCH_OPERATION_STATE_RUNNING);
  CHECK(info.operation_type() == enums::BATCH_OPERATION_TYPE_SIGNAL_WORKFLOW);
  CHECK_FALSE(info.has_close_time());
  auto described = describe();
  CHECK(described.total_operation_count() == 1);
  CHECK(described.identity() == "someone");
  REQUIRE(described.executions_size() == 1);
  CHECK(described.executions(0).type() == enums::EXECUTION_TYPE_WORKFLOW);
  CHECK(described.executions(0).business_id() == "a");
  CHECK(described.executions(0).run_id() == "run");
}

TEST_CASE_FIXTURE(batch_fixture, "each operation has a type and an identity of its own") {
  const auto* operation
    = service::StartBatchOperationRequest::descriptor()->FindOneofByName("operation");
  REQUIRE(operation != nullptr);
  std::set<int> types;
  for (int i = 0; i < operation->field_count(); ++i) {
    const auto* field = operation->field(i);
    // Those are of activities that are no workflow's: the front door refuses them.
    auto of_activities = field->name().ends_with("activities_operation")
                         && (field->name().starts_with("cancel")
                             || field->name().starts_with("terminate")
                             || field->name().starts_with("delete"));
    if (of_activities)
      continue;
    auto r = by_query();
    auto& m = *r.GetReflection()->MutableMessage(&r, field);
    m.GetReflection()->SetString(&m, m.GetDescriptor()->FindFieldByName("identity"), field->name());
    live = {};
    replayed = machine.make_state();
    begin(r);
    auto described = describe();
    CHECK(described.identity() == field->name());
    CHECK(described.operation_type() != enums::BATCH_OPERATION_TYPE_UNSPECIFIED);
    types.insert(described.operation_type());
  }
  CHECK(types.size() == 9);
}
