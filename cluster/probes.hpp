#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace reprise::cluster {

/// What a server answers to whoever asks how it is: an orchestrator's probes, an operator.
/// Thread-safe.
class probes {
public:
  enum class kind : std::uint8_t {
    /// The process is not beyond help; to be asked for killing it.
    alive,
    /// Its store is open and migrated: what takes long at a start is behind it.
    started,
    /// Calls are served here, now: as gRPC's health check says.
    ready,
  };

  /// Alive, but neither started nor ready.
  probes();

  void yes(kind k);
  void no(kind k, std::string why);
  /// Nothing: yes.
  std::optional<std::string> why_not(kind k) const;

private:
  static constexpr std::size_t kinds = 3;

  mutable std::mutex mutex_;
  std::array<std::optional<std::string>, kinds> whys_;
};

} // namespace reprise::cluster
