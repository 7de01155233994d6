#include "frontend/transport/stream.hpp"

#include "frontend/transport/connection.hpp"
#include "frontend/transport/loop.hpp"

#include <algorithm>
#include <array>

namespace reprise::frontend {

namespace {

constexpr int method_not_allowed = 405;
constexpr int unsupported_media_type = 415;

/// What callers say beside the request.
constexpr std::array<std::string_view, 7> known_headers{
  "client-name", "client-version", "supported-server-versions", "supported-features",
  "caller-name", "caller-type",    "temporal-namespace"};

bool is_known(std::string_view name) {
  // Most others are told apart by their first letter.
  return !name.empty() && (name[0] == 'c' || name[0] == 's' || name[0] == 't')
         && std::ranges::find(known_headers, name) != known_headers.end();
}

} // namespace

void outgoing::move_to(std::string& out, std::size_t count) {
  unsent_ -= count;
  while (count > 0) {
    auto& part = parts_[first_];
    auto n = std::min(count, part.size() - begin_);
    out.append(part, begin_, n);
    begin_ += n;
    count -= n;
    if (begin_ == part.size()) {
      part = {};
      begin_ = 0;
      ++first_;
    }
  }
  // Those of a call that lasts may never all be gone.
  constexpr std::size_t gone_max = 64;
  if (first_ == parts_.size() || (first_ >= gone_max && first_ >= parts_.size() / 2)) {
    parts_.erase(parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void stream::take_header(std::string_view name, std::string_view value) {
  header_bytes_ += name.size() + value.size();
  if (header_bytes_ > limits_.header_bytes_max) {
    if (!refused)
      on_.loop_.meters().refused_headers.add();
    refused = make_error(errc::resource_exhausted, "received metadata size exceeds limit");
    return;
  }
  if (name == ":path") {
    to = on_.loop_.find(value);
    if (to == nullptr)
      path = value;
    else if (to->api != nullptr)
      request.expect_one();
  } else if (name == ":method") {
    if (value != "POST")
      http_status = method_not_allowed;
    wants_head_only = value == "HEAD";
  } else if (name == "content-type") {
    has_type = true;
    if (!value.starts_with("application/grpc"))
      http_status = unsupported_media_type;
  } else if (name == "grpc-timeout") {
    timeout = parse_timeout(value);
  } else if (name == "content-length") {
    announces_body = value != "0";
  } else if (name == "grpc-encoding") {
    request.set_encoding(value);
  } else if (is_known(name)) {
    on_.hear(name, value);
  }
}

void stream::end_headers() {
  if (!has_type && http_status == 0)
    http_status = unsupported_media_type;
}

void stream::send(std::string message) {
  if (trailers)
    return;
  if (on_.is_overfull())
    return on_.refuse_overfull(*this);
  on_.queue(*this, std::move(message));
  on_.begin_response(*this);
}

void stream::finish(result<void> how) {
  if (!trailers)
    on_.end_response(*this, how ? failure_trailers{.status = "0"} : to_trailers(how.error()));
}

} // namespace reprise::frontend
