#pragma once

#include "base/result.hpp"
#include "frontend/call/call.hpp"

#include <google/protobuf/timestamp.pb.h>

namespace reprise::frontend {

/// When a poll for tasks has to be answered, with nothing if need be: in time for the answer to
/// reach the caller. Refused: a caller without deadline, or with a very short one.
result<time_point> task_poll_end(const call& c);

/// The same for history's long poll, which takes any deadline.
time_point history_poll_end(const call& c);

google::protobuf::Timestamp to_timestamp(time_point t);

} // namespace reprise::frontend
