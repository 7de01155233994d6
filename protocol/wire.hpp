#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The little of protobuf's wire form that is needed to put stored bytes into an answer without
// parsing them.

namespace reprise::protocol {

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

/// Cuts a number off the front; nothing when there is none.
inline std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
    auto byte = static_cast<unsigned char>(bytes[i]);
    out |= static_cast<std::uint64_t>(byte & 0x7F) << (7 * i);
    if (byte >= 0x80)
      continue;
    bytes.remove_prefix(i + 1);
    return out;
  }
  return std::nullopt;
}

/// Cuts the first element, head included, off a serialised History. Empty when there is none or the
/// bytes are no History.
inline std::string_view take_event(std::string_view& history) {
  constexpr char events_tag = 1 << 3 | 2;
  if (history.empty() || history[0] != events_tag)
    return {};
  auto rest = history.substr(1);
  auto size = take_varint(rest);
  if (!size || *size > rest.size())
    return {};
  auto event = history.substr(0, history.size() - rest.size() + *size);
  history.remove_prefix(event.size());
  return event;
}

/// The type of an element that take_event() cut; 0 when none is found.
inline int type_of_event(std::string_view event) {
  constexpr std::uint64_t type_tag = 3 << 3;
  take_varint(event);
  take_varint(event);
  // What stands before it (id and time) are numbers and messages.
  while (auto tag = take_varint(event)) {
    auto value = take_varint(event);
    if (!value)
      return 0;
    if (*tag == type_tag)
      return static_cast<int>(*value);
    auto skipped = (*tag & 7) == 2 ? *value : 0;
    if ((*tag & 7) > 2 || (*tag & 7) == 1 || skipped > event.size())
      return 0;
    event.remove_prefix(skipped);
  }
  return 0;
}

} // namespace reprise::protocol
