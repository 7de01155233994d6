#pragma once

#include "protocol/parse_stored.hpp"

#include <google/protobuf/message.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace reprise::engine {

/// The state of one run of whatever kind: one protobuf message, whose type its machine knows; or
/// nothing. Moving it moves a pointer. Its wire form is the snapshot.
class run_state {
public:
  run_state() = default;

  explicit run_state(std::unique_ptr<google::protobuf::Message> message)
    : message_(std::move(message)) {
  }

  explicit operator bool() const noexcept {
    return message_ != nullptr;
  }

  /// The message, for the machine that made it.
  template <class State>
  State& as() noexcept {
    return static_cast<State&>(*message_);
  }

  template <class State>
  const State& as() const noexcept {
    return static_cast<const State&>(*message_);
  }

  run_state copy() const {
    run_state out{std::unique_ptr<google::protobuf::Message>{message_->New()}};
    out.message_->CopyFrom(*message_);
    return out;
  }

  /// False when the bytes are no such state.
  [[nodiscard]] bool parse(std::string_view bytes) {
    return protocol::parse_stored(*message_, bytes);
  }

  std::string serialised() const {
    return message_->SerializeAsString();
  }

  std::size_t serialised_bytes() const {
    return message_->ByteSizeLong();
  }

  /// Walks the whole state.
  std::size_t resident_bytes() const {
    return message_->SpaceUsedLong();
  }

private:
  std::unique_ptr<google::protobuf::Message> message_;
};

/// A state that begins with this message.
template <class State>
run_state make_run_state(State&& message) {
  return run_state{std::make_unique<std::remove_cvref_t<State>>(std::forward<State>(message))};
}

} // namespace reprise::engine
