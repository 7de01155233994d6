// What users configure of a task queue: the durable side of it.
#include "engine/queue/queue_machine.hpp"

#include "protocol/address.hpp"
#include "protocol/queue.pb.h"
#include "tests/support/engine_fixture.hpp"

#include <google/protobuf/util/message_differencer.h>

#include <memory>
#include <utility>

using namespace reprise;
using namespace reprise::testing;

namespace {

namespace service = temporal::api::workflowservice::v1;
using config = temporal::api::taskqueue::v1::TaskQueueConfig;

bool same(const google::protobuf::Message& a, const google::protobuf::Message& b) {
  return google::protobuf::util::MessageDifferencer::Equals(a, b);
}

class no_workers final : public engine::outlook {
public:
  bool polled_since(const std::string&, cluster::Task::Kind, time_point) const override {
    return false;
  }
};

struct queue_config_fixture : engine_fixture {
  const engine::machine& machine = engine::the_queue_machine();
  engine::run_state live;
  engine::run_state replayed = machine.make_state();

  engine::decision decide(const std::function<void(cluster::ExecutionRequest&)>& fill) {
    auto request = std::make_shared<cluster::ExecutionRequest>();
    request->set_namespace_id(ns.id);
    request->set_workflow_id(queue_actor_id(2, "q"));
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
      CHECK(same(live.as<queue::QueueState>(), replayed.as<queue::QueueState>()));
    return out;
  }

  config configure(const service::UpdateTaskQueueConfigRequest& r) {
    auto out = decide([&](auto& request) { *request.mutable_configure_queue() = r; });
    REQUIRE_FALSE(out.reply.now.failure);
    service::UpdateTaskQueueConfigResponse response;
    REQUIRE(response.ParseFromString(out.reply.now.response));
    auto held = live ? engine::queue_config_of(live) : config{};
    CHECK(same(held, response.config()));
    return response.config();
  }
};

} // namespace

TEST_CASE_FIXTURE(queue_config_fixture, "a setting stays until it is set anew") {
  service::UpdateTaskQueueConfigRequest r;
  r.set_identity("me");
  r.mutable_update_queue_rate_limit()->mutable_rate_limit()->set_requests_per_second(2);
  r.mutable_update_queue_rate_limit()->set_reason("busy");
  (*r.mutable_set_fairness_weight_overrides())["vip"] = 5;
  (*r.mutable_set_fairness_weight_overrides())["x"] = 0.5;
  auto first = configure(r);
  CHECK(first.queue_rate_limit().rate_limit().requests_per_second() == 2);
  CHECK(first.queue_rate_limit().metadata().reason() == "busy");
  CHECK(first.queue_rate_limit().metadata().update_identity() == "me");
  CHECK(first.queue_rate_limit().metadata().has_update_time());
  CHECK_FALSE(first.has_fairness_keys_rate_limit_default());
  r = {};
  r.mutable_update_fairness_key_rate_limit_default()->mutable_rate_limit()->set_requests_per_second(
    3);
  r.add_unset_fairness_weight_overrides("x");
  r.add_unset_fairness_weight_overrides("never set");
  auto second = configure(r);
  CHECK(second.queue_rate_limit().rate_limit().requests_per_second() == 2);
  CHECK(second.fairness_keys_rate_limit_default().rate_limit().requests_per_second() == 3);
  REQUIRE(second.fairness_weight_overrides_size() == 1);
  CHECK(second.fairness_weight_overrides().at("vip") == 5);
  // Without a rate the limit goes; who took it away, and why, is told.
  r = {};
  r.mutable_update_queue_rate_limit()->set_reason("no more");
  auto third = configure(r);
  CHECK_FALSE(third.queue_rate_limit().has_rate_limit());
  CHECK(third.queue_rate_limit().metadata().reason() == "no more");
}

TEST_CASE_FIXTURE(queue_config_fixture, "a request that sets nothing writes nothing") {
  auto out = decide([](auto& request) { request.mutable_configure_queue(); });
  CHECK(out.only_read);
  CHECK_FALSE(out.successor);
  CHECK_FALSE(live);
}

TEST_CASE_FIXTURE(queue_config_fixture, "a queue has so many weights of its own, and no more") {
  service::UpdateTaskQueueConfigRequest r;
  for (int i = 0; i < 1000; ++i)
    (*r.mutable_set_fairness_weight_overrides())["key " + std::to_string(i)] = 2;
  CHECK(configure(r).fairness_weight_overrides_size() == 1000);
  service::UpdateTaskQueueConfigRequest more;
  (*more.mutable_set_fairness_weight_overrides())["one more"] = 2;
  auto out = decide([&](auto& request) { *request.mutable_configure_queue() = more; });
  REQUIRE(out.reply.now.failure);
  CHECK(out.reply.now.failure->code == errc::invalid_argument);
  CHECK(out.only_read);
  // In exchange for another.
  more.add_unset_fairness_weight_overrides("key 7");
  CHECK(configure(more).fairness_weight_overrides().contains("one more"));
}

TEST_CASE_FIXTURE(queue_config_fixture, "it is deleted with its namespace, and never wakes") {
  auto wake = decide([](auto& request) { request.mutable_wake(); });
  CHECK(wake.reply.now.failure);
  service::UpdateTaskQueueConfigRequest r;
  r.mutable_update_queue_rate_limit();
  configure(r);
  CHECK_FALSE(machine.next_deadline(live));
  CHECK_FALSE(machine.undelivered_since(live));
  CHECK(decide([](auto& request) { request.mutable_wake(); }).only_read);
  CHECK(decide([](auto& request) { request.mutable_delete_execution(); }).erase);
}
