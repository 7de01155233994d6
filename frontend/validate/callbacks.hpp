#pragma once

#include "base/result.hpp"
#include "frontend/call/limits.hpp"
#include "temporal/api/common/v1/message.pb.h"

namespace reprise::frontend {

/// Completion callbacks of a start. No address of the world outside may be called by default, only
/// the server's own. The names of their headers become lower case: that is how they are kept, shown
/// and sent.
result<void>
settle_callbacks(google::protobuf::RepeatedPtrField<temporal::api::common::v1::Callback>& callbacks,
                 const front_limits& limits);

} // namespace reprise::frontend
