#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace reprise::frontend {

/// Unpacks at most `most` bytes: RESOURCE_EXHAUSTED when there are more, found without holding
/// them; INTERNAL when this is no gzip.
result<std::string> gunzip(std::string_view packed, std::size_t most);

} // namespace reprise::frontend
