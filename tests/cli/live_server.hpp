#pragma once

// What the binary runs, in this process: a whole server on real threads, its gRPC port, and the
// health that watches its store.

#include "base/ids.hpp"
#include "cli/health.hpp"
#include "cli/local_server.hpp"
#include "cluster/worker_pool.hpp"
#include "frontend/transport/grpc_server.hpp"
#include "temporal/api/workflowservice/v1/request_response.pb.h"
#include "tests/cli/raw_client.hpp"
#include "tests/support/eventually.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <memory>
#include <optional>

namespace reprise::testing {

namespace ws = temporal::api::workflowservice::v1;

inline constexpr const char* workflow_service = "temporal.api.workflowservice.v1.WorkflowService";

class live_server {
public:
  explicit live_server(store::store& db, duration lease = {},
                       const frontend::grpc_options& grpc = {.port = 0})
    : health_(db) {
    auto written = cli::ensure_namespace(db, time_, {.name = "default"});
    REQUIRE_MESSAGE(written, (written ? "" : written.error().message));
    cli::local_server_options options;
    options.node.seed = random_seed();
    options.node.lease_length = lease;
    options.node.on_serving = [this](bool serving) { health_.on_serving(serving); };
    options.facts.store_kind = db.kind();
    server_.emplace(system_, db, time_, metrics_, std::move(options));
    server_->start();
    server_->front().on_failure([this](const error& why) { health_.on_failure(why); });
    auto listening = frontend::grpc_server::start(server_->front(),
                                                  cluster::worker_pool::of(system_), grpc);
    REQUIRE(listening);
    grpc_ = std::move(*listening);
    health_.tell([this](const cli::health::why_not& why) { grpc_->set_serving(!why); });
    client_ = std::make_unique<raw_client>(grpc_->port());
  }

  ~live_server() {
    client_.reset();
    end();
  }

  /// As on SIGTERM; calls have so long to end.
  void end(std::chrono::milliseconds patience = std::chrono::milliseconds{3000}) {
    health_.tell(nullptr);
    grpc_->stop(patience);
    server_->drain();
    server_->stop();
  }

  raw_client& client() {
    return *client_;
  }

  int port() const {
    return grpc_->port();
  }

  frontend::grpc_server& grpc() {
    return *grpc_;
  }

  metrics& numbers() {
    return metrics_;
  }

  bool serves() {
    return client_->health(workflow_service) == "SERVING";
  }

  raw_answer start_workflow(const std::string& id) {
    ws::StartWorkflowExecutionRequest r;
    r.set_namespace_("default");
    r.set_workflow_id(id);
    r.mutable_workflow_type()->set_name("type");
    r.mutable_task_queue()->set_name("queue");
    r.set_request_id("start-" + id);
    return client_->workflow_call("StartWorkflowExecution", r);
  }

  /// -1 when the store cannot tell.
  std::int64_t count() {
    ws::CountWorkflowExecutionsRequest r;
    r.set_namespace_("default");
    auto answer = client_->workflow_call("CountWorkflowExecutions", r);
    ws::CountWorkflowExecutionsResponse out;
    return answer.status.ok() && out.ParseFromString(answer.bytes) ? out.count() : -1;
  }

private:
  struct config : caf::actor_system_config {
    config() {
      cluster::prepare(*this);
      // More than one, so that calls are read by one and answered by the actors of another.
      cluster::worker_pool::use(*this, 2);
    }
  };

  system_clock time_;
  metrics metrics_;
  cli::health health_;
  config config_;
  caf::actor_system system_{config_};
  std::optional<cli::local_server> server_;
  std::unique_ptr<frontend::grpc_server> grpc_;
  std::unique_ptr<raw_client> client_;
};

} // namespace reprise::testing
