#pragma once

#include "base/clock.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace reprise {

/// Where run ids and other identities come from (invariant 12). One source belongs to one actor
/// or thread; it is not thread-safe.
class id_source {
public:
  virtual ~id_source() = default;
  /// 64 random bits.
  virtual std::uint64_t random() = 0;

  /// A UUIDv7 in text: its first 48 bits are `now` in milliseconds, so that rows that are keyed by
  /// it cluster by time (invariant 8).
  std::string uuid7(time_point now);
  /// A UUIDv4 in text: nothing but random bits.
  std::string uuid4();
};

/// Seeded; the same seed gives the same ids. The server seeds it from the kernel.
class seeded_ids final : public id_source {
public:
  explicit seeded_ids(std::uint64_t seed);
  std::uint64_t random() override;

private:
  std::uint64_t state_;
};

/// 64 bits from the kernel's random source.
std::uint64_t random_seed();

/// True for the 36 characters of a UUID in its usual form, of any version.
bool is_uuid(std::string_view text) noexcept;

} // namespace reprise
