#include "frontend/transport/frame_guard.hpp"

#include <algorithm>

namespace reprise::frontend {

std::size_t frame_guard::pass(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size() && found_ == verdict::fine) {
    if (left_ > 0) {
      auto skipped = std::min(left_, bytes.size() - at);
      left_ -= skipped;
      at += skipped;
      continue;
    }
    head_[head_bytes_++] = static_cast<std::uint8_t>(bytes[at++]);
    if (head_bytes_ == head_size)
      on_head();
  }
  if (found_ == verdict::fine)
    return bytes.size();
  return at > head_size ? at - head_size : 0;
}

void frame_guard::on_head() {
  constexpr std::uint8_t headers = 1;
  constexpr std::uint8_t priority = 2;
  constexpr std::uint8_t continuation = 9;
  constexpr std::uint32_t stream_bits = 0x7FFFFFFF;
  auto number = [this](std::size_t from, std::size_t to) {
    std::uint32_t value = 0;
    for (auto i = from; i < to; ++i)
      value = value << 8 | head_[i];
    return value;
  };
  head_bytes_ = 0;
  left_ = number(0, 3);
  auto type = head_[3];
  offender_ = static_cast<std::int32_t>(number(5, head_size) & stream_bits);
  if (type == headers)
    block_ = left_;
  else if (type == continuation)
    block_ += left_;
  if ((type == headers || type == continuation) && block_ > most_)
    found_ = verdict::long_headers;
  else if (type == priority && offender_ == 0)
    found_ = verdict::broken;
}

} // namespace reprise::frontend
