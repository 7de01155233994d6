#pragma once

#include "frontend/transport/side_service.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace reprise::frontend {

/// grpc.reflection's ServerReflectionInfo: describes the services to tools, from the descriptors in
/// the binary.
class reflection final : public side_service {
public:
  /// `services`: the full names that are listed.
  explicit reflection(std::vector<std::string> services) : services_(std::move(services)) {
  }

  void on_message(exchange& from, std::string_view message) override;

  void on_end(exchange& from) override {
    from.finish({});
  }

  void on_gone(exchange&) override {
  }

private:
  const std::vector<std::string> services_;
};

} // namespace reprise::frontend
