#include "engine/machine/failures.hpp"

namespace reprise::engine {

namespace api = temporal::api;

namespace {

/// Not more of `text` than `bytes_max`, and no half character at its end.
std::string prefix_of(const std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max)
    return text;
  auto end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
    --end;
  return text.substr(0, end);
}

} // namespace

api::failure::v1::Failure server_failure(std::string message, bool non_retryable) {
  api::failure::v1::Failure out;
  out.set_message(std::move(message));
  out.mutable_server_failure_info()->set_non_retryable(non_retryable);
  return out;
}

api::failure::v1::Failure truncated(const api::failure::v1::Failure& failure,
                                    std::size_t bytes_max) {
  if (failure.ByteSizeLong() <= bytes_max)
    return failure;
  // What decides about retries goes first, then what tells most in the least space.
  constexpr std::size_t field_overhead = 4;
  api::failure::v1::Failure out;
  auto left = bytes_max;
  auto take = [&left](std::size_t bytes) {
    auto used = bytes + field_overhead;
    left = left > used ? left - used : 0;
  };
  if (failure.has_application_failure_info()) {
    auto& info = *out.mutable_application_failure_info();
    info.set_type(prefix_of(failure.application_failure_info().type(), bytes_max));
    info.set_non_retryable(failure.application_failure_info().non_retryable());
    take(out.ByteSizeLong());
  } else if (failure.has_server_failure_info()) {
    out.mutable_server_failure_info()->set_non_retryable(
      failure.server_failure_info().non_retryable());
    take(out.ByteSizeLong());
  }
  auto text_of = [&](const std::string& text) {
    if (text.empty() || left <= field_overhead)
      return std::string{};
    auto kept = prefix_of(text, left - field_overhead);
    take(kept.size());
    return kept;
  };
  out.set_source(text_of(failure.source()));
  out.set_message(text_of(failure.message()));
  out.set_stack_trace(text_of(failure.stack_trace()));
  if (failure.has_cause() && left > field_overhead)
    *out.mutable_cause() = truncated(failure.cause(), left - field_overhead);
  return out;
}

api::failure::v1::Failure cut_failure(const api::failure::v1::Failure& failure,
                                      std::size_t bytes_max, bool non_retryable) {
  auto out = server_failure("Failure exceeds size limit.", non_retryable);
  *out.mutable_cause() = truncated(failure, bytes_max);
  return out;
}

} // namespace reprise::engine
