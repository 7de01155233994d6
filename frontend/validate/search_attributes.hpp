#pragma once

#include "actors/namespaces/namespace_registry.hpp"
#include "base/result.hpp"
#include "frontend/call/limits.hpp"
#include "temporal/api/common/v1/message.pb.h"

#include <string>

namespace reprise::frontend {

/// Refuses attributes that the namespace does not have, that belong to the server, or whose values
/// have another type or are too large; drops those without value (null, an empty list) and names
/// the type of the others in their metadata where the caller did not.
result<void> settle_search_attributes(temporal::api::common::v1::SearchAttributes& attributes,
                                      const actors::namespace_entry& ns,
                                      const front_limits& limits);

/// An instant in RFC 3339 form, in nanoseconds since the epoch; nothing when it is none.
std::optional<std::int64_t> parse_rfc3339(std::string_view text);

} // namespace reprise::frontend
