#include "frontend/transport/frame_guard.hpp"

#include <algorithm>

namespace reprise::frontend {

std::string_view frame_guard::pass(std::string_view bytes) {
  out_.clear();
  std::size_t at = 0;
  // Of what has no place yet.
  std::size_t begin = 0;
  auto put = [&](std::size_t end) {
    (holds_ ? held_ : out_).append(bytes.substr(begin, end - begin));
    begin = end;
  };
  while (at < bytes.size() && found_ == verdict::fine) {
    if (left_ > 0) {
      auto skipped = std::min(left_, bytes.size() - at);
      left_ -= skipped;
      at += skipped;
    } else {
      head_[head_bytes_++] = static_cast<std::uint8_t>(bytes[at++]);
      if (head_bytes_ < head_size)
        continue;
      auto held_before = holds_;
      on_head();
      if (!held_before && (holds_ || found_ != verdict::fine)) {
        // A part of its head may have passed already.
        auto head_begin = at - std::min(at, head_size);
        out_.append(bytes.substr(begin, head_begin - begin));
        begin = head_begin;
      }
    }
    if (is_last_ && left_ == 0) {
      put(at);
      release();
    }
  }
  if (found_ != verdict::fine)
    return out_;
  if (begin == 0 && !holds_)
    return bytes;
  put(bytes.size());
  return out_;
}

void frame_guard::release() {
  out_ += held_;
  held_.clear();
  holds_ = false;
  is_last_ = false;
}

void frame_guard::on_head() {
  constexpr std::uint8_t headers = 1;
  constexpr std::uint8_t priority = 2;
  constexpr std::uint8_t continuation = 9;
  constexpr std::uint8_t end_of_headers = 4;
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
  auto ends = (head_[4] & end_of_headers) != 0;
  // Between the parts of headers nothing else may come.
  auto cuts_in = holds_ && (type != continuation || offender_ != holder_);
  if (type == headers) {
    block_ = left_;
    holds_ = !ends;
    holder_ = offender_;
  } else if (type == continuation) {
    // With its head, so that empty ones come to an end, too.
    block_ += left_ + head_size;
    is_last_ = holds_ && ends;
  }
  if ((type == headers || type == continuation) && block_ > most_)
    found_ = verdict::long_headers;
  else if (cuts_in || (type == priority && offender_ == 0)
           || (type == headers && offender_ % 2 == 0))
    found_ = verdict::broken;
}

} // namespace reprise::frontend
