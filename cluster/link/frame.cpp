#include "cluster/link/frame.hpp"

#include <algorithm>

namespace reprise::link {

namespace {

void append_number(std::string& to, std::size_t n) {
  for (int shift = 24; shift >= 0; shift -= 8)
    to.push_back(static_cast<char>((n >> shift) & 0xff));
}

std::size_t read_number(std::string_view from) noexcept {
  std::size_t n = 0;
  for (std::size_t i = 0; i < 4; ++i)
    n = n << 8 | static_cast<unsigned char>(from[i]);
  return n;
}

constexpr std::size_t length_at = 4;

bool is_fit(std::string_view head, std::size_t content_max) noexcept {
  auto type = static_cast<std::uint8_t>(head[0]);
  return type >= static_cast<std::uint8_t>(frame_type::hello)
         && type <= static_cast<std::uint8_t>(frame_type::heartbeat)
         && static_cast<std::uint8_t>(head[1]) < lanes && (head[2] & ~flag_first) == 0
         && head[3] == 0 && read_number(head.substr(length_at)) <= content_max;
}

} // namespace

void append_frame(std::string& to, const frame& what) {
  append_frame_head(to, what, what.content.size());
  to.append(what.content);
}

void append_frame_head(std::string& to, const frame& what, std::size_t content_bytes) {
  to.push_back(static_cast<char>(what.type));
  to.push_back(static_cast<char>(what.lane));
  to.push_back(static_cast<char>(what.flags));
  to.push_back(0);
  append_number(to, content_bytes);
}

void append_envelope_size(std::string& to, std::size_t size) {
  append_number(to, size);
}

std::size_t read_envelope_size(std::string_view content) noexcept {
  return read_number(content);
}

frame_reader::found frame_reader::next(std::string_view& bytes, std::size_t content_max,
                                       frame& out) {
  if (is_used_) {
    kept_.clear();
    is_used_ = false;
  }
  // Only as much is kept as the frame needs, so that the others are read where they are.
  auto keep = [&](std::size_t until) {
    auto n = std::min(bytes.size(), until - std::min(until, kept_.size()));
    kept_.append(bytes.substr(0, n));
    bytes.remove_prefix(n);
    return kept_.size() >= until;
  };
  if (!kept_.empty() || bytes.size() < frame_head_bytes) {
    if (!keep(frame_head_bytes))
      return found::nothing;
  }
  std::string_view head = kept_.empty() ? bytes : kept_;
  if (!is_fit(head, content_max))
    return found::broken;
  auto size = frame_head_bytes + read_number(head.substr(length_at));
  if (kept_.empty() && bytes.size() >= size) {
    head = bytes.substr(0, size);
    bytes.remove_prefix(size);
  } else {
    if (!keep(size))
      return found::nothing;
    head = kept_;
    is_used_ = true;
  }
  out = {.type = static_cast<frame_type>(head[0]),
         .lane = static_cast<std::uint8_t>(head[1]),
         .flags = static_cast<std::uint8_t>(head[2]),
         .content = head.substr(frame_head_bytes)};
  return found::frame;
}

} // namespace reprise::link
