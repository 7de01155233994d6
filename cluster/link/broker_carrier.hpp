#pragma once

#include "base/metrics.hpp"
#include "base/result.hpp"
#include "base/tls/context.hpp"
#include "cluster/link/carrier.hpp"
#include "cluster/link/settings.hpp"

#include <caf/fwd.hpp>

#include <cstdint>
#include <memory>
#include <optional>

namespace reprise::link {

struct broker_options {
  identity mine{};
  settings with{};
  /// Where others connect to; port 0: any that is free. Nothing: nobody can. Without an address of
  /// its own, `mine` has this one.
  std::optional<endpoint> listen{};
  /// Mutual TLS: what is shown to whom we call, and to who calls us. Both, or none for a link
  /// without TLS.
  std::shared_ptr<tls::certificates> called_with{};
  std::shared_ptr<tls::certificates> served_with{};
};

/// What an actor system needs to know before a link can run in it: the module for I/O.
void prepare(caf::actor_system_config& config);

/// A link on sockets, carried by one of CAF's brokers: it runs on the thread of CAF's I/O. The
/// actor system, the receiver and the metrics outlive it. Its end is told as `down` of all peers;
/// not to be ended on that thread.
class broker_carrier final : public carrier {
public:
  /// Others can connect when it returns. Refused when it cannot listen there, or when the options
  /// do not fit each other.
  static result<std::unique_ptr<broker_carrier>>
  begin(caf::actor_system& system, broker_options options, receiver& to, metrics& m);
  ~broker_carrier() override;

  broker_carrier(const broker_carrier&) = delete;
  broker_carrier& operator=(const broker_carrier&) = delete;

  sent send(incarnation to, lane on, const Envelope& what) override;
  void reach(const endpoint& where) override;
  void give_up(const endpoint& where) override;

  /// Where it listens; 0: nowhere.
  std::uint16_t port() const noexcept {
    return port_;
  }

  /// What waits to be sent to a peer.
  std::size_t held(incarnation to, lane on) const;

private:
  struct parts;

  broker_carrier(std::unique_ptr<parts> of, std::uint16_t port);

  std::unique_ptr<parts> parts_;
  std::uint16_t port_;
};

} // namespace reprise::link
