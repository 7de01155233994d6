#pragma once

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/message_lite.h>

#include <string_view>

namespace reprise::protocol {

/// How deep messages may be nested in what this server wrote itself. Requests may be nested as deep
/// as protobuf allows by default (100); what they carry lies a few levels deeper in the journal and
/// in snapshots, and has to be read back all the same.
inline constexpr int stored_nesting_max = 200;

/// Parses bytes that this server wrote: a journal's facts, a snapshot. False when they are broken.
inline bool parse_stored(google::protobuf::MessageLite& into, std::string_view bytes) {
  google::protobuf::io::CodedInputStream in{reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size())};
  in.SetRecursionLimit(stored_nesting_max);
  return into.ParseFromCodedStream(&in) && in.ConsumedEntireMessage();
}

} // namespace reprise::protocol
