#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// The little of protobuf's wire form that is needed to put stored bytes into an answer without
// parsing them.

namespace reprise::actors {

inline void append_varint(std::string& out, std::uint64_t x) {
  while (x >= 0x80) {
    out.push_back(static_cast<char>(x | 0x80));
    x >>= 7;
  }
  out.push_back(static_cast<char>(x));
}

/// The head of a field that holds `size` bytes (a text or a message).
inline void append_field_head(std::string& out, int field, std::size_t size) {
  append_varint(out, static_cast<std::uint64_t>(field) << 3 | 2);
  append_varint(out, size);
}

inline void append_field(std::string& out, int field, std::string_view bytes) {
  append_field_head(out, field, bytes.size());
  out.append(bytes);
}

/// Cuts the first element, head included, off a serialised History. Empty when there is none or the
/// bytes are no History.
inline std::string_view take_event(std::string_view& history) {
  constexpr char events_tag = 1 << 3 | 2;
  if (history.empty() || history[0] != events_tag)
    return {};
  std::uint64_t size = 0;
  std::size_t at = 1;
  for (int shift = 0;; shift += 7) {
    if (at >= history.size() || shift > 35)
      return {};
    auto byte = static_cast<unsigned char>(history[at++]);
    size |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80)
      break;
  }
  if (size > history.size() - at)
    return {};
  auto event = history.substr(0, at + size);
  history.remove_prefix(at + size);
  return event;
}

} // namespace reprise::actors
