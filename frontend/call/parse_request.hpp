#pragma once

#include "base/result.hpp"

#include <google/protobuf/message.h>

#include <string_view>

namespace reprise::frontend {

/// Reads a request. Refused: bytes that are no such message, or a text in it that is not UTF-8
/// (INTERNAL, as gRPC has it), and messages within messages deeper than protocol::nesting_max.
result<void> parse_request(google::protobuf::Message& into, std::string_view bytes);

} // namespace reprise::frontend
