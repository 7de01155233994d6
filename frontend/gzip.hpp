#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace reprise::frontend {

/// Whether a request comes compressed. No protobuf message begins like that: its first field would
/// be of a type that does not exist.
inline bool is_gzip(std::string_view bytes) noexcept {
  return bytes.starts_with("\x1f\x8b");
}

/// Unpacks at most `most` bytes: RESOURCE_EXHAUSTED when there are more, found without holding
/// them; INTERNAL when this is no gzip.
result<std::string> gunzip(std::string_view packed, std::size_t most);

} // namespace reprise::frontend
