#pragma once

#include "base/metrics.hpp"
#include "base/result.hpp"
#include "cli/server_options.hpp"
#include "cluster/link/broker_carrier.hpp"
#include "cluster/router/router.hpp"

#include <caf/fwd.hpp>

#include <memory>
#include <string>

namespace reprise::cli {

/// What others have to know of this process, and how it shows that it is the one.
struct link_plan {
  link::broker_options options{};
};

/// Refused (invalid_argument): certificates that do not fit, or an address beyond this machine
/// without any. The cluster's id is missing still.
result<link_plan> plan_link(const server_options& o);

/// The link of a running node: from its beginning to its end, the router has it.
class node_link {
public:
  /// Refused when it cannot listen there.
  static result<std::unique_ptr<node_link>> begin(caf::actor_system& system, link_plan plan,
                                                  cluster::router& route, metrics& m);
  ~node_link();

  /// By which others reach it.
  const std::string& address() const noexcept {
    return address_;
  }

  node_link(const node_link&) = delete;
  node_link& operator=(const node_link&) = delete;

private:
  explicit node_link(cluster::router& route) : route_(route) {
  }

  cluster::router& route_;
  std::string address_;
  std::unique_ptr<link::broker_carrier> carrier_;
};

} // namespace reprise::cli
