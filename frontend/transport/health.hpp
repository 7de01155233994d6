#pragma once

#include "base/metrics.hpp"
#include "frontend/transport/side_service.hpp"

#include <atomic>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace reprise::frontend {

/// What the server says of its health. Shared by the services of all loops; thread-safe.
struct health_state {
  /// The services that the server knows besides "" (the whole server).
  const std::vector<std::string> names;
  /// Watches at the same time, of all clients; and who counts those that were refused.
  std::size_t watches_max = 256;
  counter* refused = nullptr;
  std::atomic<bool> serving{false};
  std::atomic<bool> stopped{false};
  std::atomic<std::size_t> watches{0};
};

/// grpc.health.v1.Health/Check.
class health_check final : public side_service {
public:
  explicit health_check(const health_state& state) : state_(state) {
  }

  void on_message(exchange& from, std::string_view message) override;
  void on_end(exchange& from) override;

  void on_gone(exchange&) override {
  }

private:
  const health_state& state_;
};

/// grpc.health.v1.Health/Watch, of one loop.
class health_watch final : public side_service {
public:
  explicit health_watch(health_state& state) : state_(state) {
  }

  void on_message(exchange& from, std::string_view message) override;
  void on_end(exchange& from) override;
  void on_gone(exchange& from) override;

  /// Tells those who watch what has changed; when the server stops, that it does.
  void tell();

private:
  struct watch {
    std::string name{};
    int told = 0;
  };

  health_state& state_;
  std::unordered_map<exchange*, watch> watches_;
};

} // namespace reprise::frontend
