#pragma once

#include "engine/machine/api.hpp"
#include "protocol/parse_stored.hpp"

#include <google/protobuf/io/coded_stream.h>

#include <cstdint>
#include <string_view>

namespace reprise::engine {

/// Reads the elements (field 1) of a serialised History one by one.
class event_reader {
public:
  /// The bytes must outlive it.
  explicit event_reader(std::string_view bytes)
    : in_(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size())) {
    in_.SetRecursionLimit(protocol::stored_nesting_max);
  }

  /// False at the end, and when the bytes are broken: then ok() is false too.
  bool next(history_event& event, std::size_t& bytes) {
    constexpr std::uint32_t element_tag = 0x0A;
    auto tag = in_.ReadTag();
    if (tag == 0) {
      ok_ = in_.ConsumedEntireMessage();
      return false;
    }
    std::uint32_t size = 0;
    if (tag != element_tag || !in_.ReadVarint32(&size) || size > (1U << 30)) {
      ok_ = false;
      return false;
    }
    auto limit = in_.PushLimit(static_cast<int>(size));
    event.Clear();
    ok_ = event.MergeFromCodedStream(&in_) && in_.BytesUntilLimit() == 0;
    in_.PopLimit(limit);
    bytes = size;
    return ok_;
  }

  bool ok() const {
    return ok_;
  }

private:
  google::protobuf::io::CodedInputStream in_;
  bool ok_ = true;
};

} // namespace reprise::engine
