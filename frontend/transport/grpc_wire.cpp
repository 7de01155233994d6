#include "frontend/transport/grpc_wire.hpp"

#include "frontend/transport/gzip.hpp"
#include "protocol/wire.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace reprise::frontend {

namespace {

/// What the text and the details of an error may take in a call's trailers, encoded. Many clients
/// take 8 KiB of headers in all, and give an error of their own instead of ours when there is more.
constexpr std::size_t error_trailers_max = 7000;
/// One byte of flags, four of length.
constexpr std::size_t head_size = 5;

constexpr bool is_plain(unsigned char c) {
  return c >= ' ' && c <= '~' && c != '%';
}

/// A google.rpc.Status with one detail, in its wire form.
std::string status_bytes(const error& why, std::string_view text) {
  using protocol::append_field;
  using protocol::append_varint;
  constexpr std::uint64_t code_head = 1 << 3;
  std::string any;
  append_field(any, 1, "type.googleapis.com/" + why.detail_type);
  append_field(any, 2, why.detail);
  std::string out;
  append_varint(out, code_head);
  append_varint(out, static_cast<std::uint64_t>(why.code));
  append_field(out, 2, text);
  append_field(out, 3, any);
  return out;
}

/// As much of the text as may be sent, and no half character at its end.
std::string_view sendable_text(const error& why, bool has_detail) {
  // A byte of the text goes out percent-encoded when it is not plain ASCII, and again in the
  // details, in base64.
  constexpr std::size_t fixed = 200;
  auto base64 = [](std::size_t bytes) { return bytes * 4 / 3; };
  auto used = fixed + (has_detail ? base64(why.detail.size() + why.detail_type.size()) : 0);
  std::size_t end = 0;
  for (; end < why.message.size(); ++end) {
    used += is_plain(static_cast<unsigned char>(why.message[end])) ? 1 : 3;
    if (used + (has_detail ? base64(end + 1) : 0) > error_trailers_max)
      break;
  }
  if (end < why.message.size())
    while (end > 0 && (static_cast<unsigned char>(why.message[end]) & 0xC0) == 0x80)
      --end;
  return std::string_view{why.message}.substr(0, end);
}

error too_large(std::size_t size, std::size_t most) {
  return make_error(errc::resource_exhausted, "grpc: received message larger than max ("
                                                + std::to_string(size) + " vs. "
                                                + std::to_string(most) + ")");
}

} // namespace

error not_one_request() {
  return make_error(errc::internal, "a call of this method has one request, whole");
}

std::optional<std::chrono::nanoseconds> parse_timeout(std::string_view text) {
  constexpr std::size_t digits_max = 8;
  if (text.size() < 2 || text.size() > digits_max + 1)
    return std::nullopt;
  std::int64_t count = 0;
  for (char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9')
      return std::nullopt;
    count = 10 * count + (c - '0');
  }
  using namespace std::chrono;
  switch (text.back()) {
    case 'H':
      // As long as nanoseconds can say.
      return hours{std::min<std::int64_t>(count, 1'000'000)};
    case 'M':
      return minutes{count};
    case 'S':
      return seconds{count};
    case 'm':
      return milliseconds{count};
    case 'u':
      return microseconds{count};
    case 'n':
      return nanoseconds{count};
    default:
      return std::nullopt;
  }
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (char character : text) {
    auto c = static_cast<unsigned char>(character);
    if (is_plain(c)) {
      out.push_back(character);
      continue;
    }
    out.push_back('%');
    out.push_back(hex[c >> 4]);
    out.push_back(hex[c & 0xF]);
  }
  return out;
}

std::string base64_encode(std::string_view bytes) {
  constexpr std::string_view letters
    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::uint32_t mask = 0x3F;
  std::string out;
  out.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  int held = 0;
  for (char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (held += 8; held >= 6; held -= 6)
      out.push_back(letters[bits >> (held - 6) & mask]);
  }
  if (held > 0)
    out.push_back(letters[bits << (6 - held) & mask]);
  return out;
}

failure_trailers to_trailers(const error& why) {
  // A detail may repeat what the caller sent, at any length.
  auto has_detail = !why.detail_type.empty() && why.detail.size() < error_trailers_max / 3;
  auto text = sendable_text(why, has_detail);
  failure_trailers out{.status = std::to_string(static_cast<int>(why.code)),
                       .message = percent_encode(text)};
  if (has_detail)
    out.details = base64_encode(status_bytes(why, text));
  return out;
}

std::string message_head(std::size_t size) {
  std::string head(head_size, '\0');
  for (std::size_t i = 1; i < head_size; ++i)
    head[i] = static_cast<char>(size >> (8 * (head_size - 1 - i)) & 0xFF);
  return head;
}

void message_reader::set_encoding(std::string_view name) {
  encoding_ = name;
}

/// The length of the message that begins next; its head is there.
std::size_t message_reader::announced() const noexcept {
  std::size_t size = 0;
  for (std::size_t i = 1; i < head_size; ++i)
    size = size << 8 | static_cast<unsigned char>(bytes_[begin_ + i]);
  return size;
}

result<void> message_reader::feed(std::string_view bytes) {
  if (begin_ > 0) {
    bytes_.erase(0, begin_);
    begin_ = 0;
  }
  bytes_.append(bytes);
  if (bytes_.size() < head_size)
    return {};
  auto size = announced();
  if (size > most_)
    return too_large(size, most_);
  if (is_one_ && bytes_.size() - head_size > size)
    return not_one_request();
  // What it says is not yet sent: no more memory than a sender of many such heads is worth.
  constexpr std::size_t trusted = 64U << 10;
  bytes_.reserve(std::min(head_size + size, trusted));
  return {};
}

result<std::optional<std::string_view>> message_reader::next() {
  using message = std::optional<std::string_view>;
  if (bytes_.size() - begin_ < head_size)
    return message{};
  auto size = announced();
  if (size > most_)
    return too_large(size, most_);
  if (bytes_.size() - begin_ - head_size < size)
    return message{};
  auto is_packed = bytes_[begin_] != 0;
  auto bytes = std::string_view{bytes_}.substr(begin_ + head_size, size);
  begin_ += head_size + size;
  if (!is_packed)
    return message{bytes};
  if (encoding_ != "gzip")
    return make_error(errc::unimplemented,
                      "grpc: Decompressor is not installed for grpc-encoding \"" + encoding_
                        + "\"");
  auto unpacked = gunzip(bytes, most_);
  if (!unpacked)
    return std::move(unpacked).error();
  unpacked_ = std::move(*unpacked);
  return message{unpacked_};
}

void message_reader::forget_given() {
  bytes_.erase(0, std::exchange(begin_, 0));
  std::string{}.swap(unpacked_);
}

} // namespace reprise::frontend
