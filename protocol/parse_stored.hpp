#pragma once

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/message_lite.h>

#include <string_view>

namespace reprise::protocol {

/// How deep messages may be nested in a request: failures carry their causes, each in the one
/// before it, and chains of a thousand exceptions are told. Reading, copying and destroying them
/// takes stack for each level; this many fit many times into a thread's.
inline constexpr int nesting_max = 2000;

/// What a request carries lies a few levels deeper in the journal and in snapshots, and has to be
/// read back all the same.
inline constexpr int stored_nesting_max = nesting_max + 100;

/// Parses bytes in which messages may be nested that deep. False when they are broken.
inline bool parse_nested(google::protobuf::MessageLite& into, std::string_view bytes, int nesting) {
  google::protobuf::io::CodedInputStream in{reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size())};
  in.SetRecursionLimit(nesting);
  return into.ParseFromCodedStream(&in) && in.ConsumedEntireMessage();
}

/// Parses bytes that this server wrote: a journal's facts, a snapshot. False when they are broken.
inline bool parse_stored(google::protobuf::MessageLite& into, std::string_view bytes) {
  return parse_nested(into, bytes, stored_nesting_max);
}

} // namespace reprise::protocol
