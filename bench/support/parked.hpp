#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

namespace reprise::bench {

inline constexpr const char* parked_queue = "parked";
inline constexpr std::int64_t parked_seconds = 30L * 24 * 3600;

/// The ids of the workflows that bench_park and bench_load --park make.
inline std::string parked_id(std::int64_t number) {
  constexpr std::size_t digits = 8;
  auto text = std::to_string(number);
  return "parked-" + std::string(digits - std::min(digits, text.size()), '0') + text;
}

} // namespace reprise::bench
