#pragma once

#include "base/metrics.hpp"
#include "cluster/node.hpp"
#include "frontend/backend/bridge.hpp"
#include "frontend/service.hpp"

#include <caf/fwd.hpp>

#include <memory>
#include <string>
#include <vector>

namespace reprise::cli {

struct local_server_options {
  cluster::node_options node{};
  frontend::server_facts facts{};
  frontend::front_limits front{};
};

/// A namespace that a server begins with, and its custom search attributes (IndexedValueType).
struct first_namespace {
  std::string name{};
  std::vector<std::pair<std::string, int>> search_attributes{};
};

/// A whole server but for its ports: actors on a store, and the front door's service over them. The
/// binary adds gRPC; the simulation and test environments call the service themselves, on their own
/// clock and scheduler. What it is given must outlive it.
class local_server {
public:
  local_server(caf::actor_system& system, store::store& db, const clock& time, metrics& measured,
               local_server_options options);
  ~local_server();

  local_server(const local_server&) = delete;
  local_server& operator=(const local_server&) = delete;

  /// Returns at once; calls are answered UNAVAILABLE until the node holds the store's slots.
  void start();
  /// Lets what was decided become durable and gives the slots up. Blocks, at most for `patience`.
  void drain(duration patience = std::chrono::seconds{5});
  /// Ends its actors; calls under way are answered UNAVAILABLE. Idempotent.
  void stop();

  /// Not before start().
  frontend::service& front() noexcept {
    return *front_;
  }

  /// Not before start().
  frontend::bridge& bridge() noexcept {
    return *bridge_;
  }

  cluster::node& node() noexcept {
    return node_;
  }

private:
  caf::actor_system& system_;
  metrics& measured_;
  local_server_options options_;
  cluster::node node_;
  std::unique_ptr<frontend::bridge> bridge_;
  std::unique_ptr<frontend::service> front_;
};

/// Writes the namespace into the store unless it is there; adds the search attributes that it
/// misses. Blocks on the store; call it before a server starts on it.
result<void> ensure_namespace(store::store& db, const clock& time, const first_namespace& wanted);

/// The same for the server's own namespace, which clients of the API expect.
result<void> ensure_system_namespace(store::store& db);

} // namespace reprise::cli
