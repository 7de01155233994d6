#pragma once

#include "base/result.hpp"
#include "temporal/api/common/v1/message.pb.h"

namespace reprise::frontend {

/// Completion callbacks of a start. No address of the world outside may be called by default, only
/// the server's own.
result<void> check_callbacks(
  const google::protobuf::RepeatedPtrField<temporal::api::common::v1::Callback>& callbacks);

} // namespace reprise::frontend
