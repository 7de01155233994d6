#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace reprise::frontend {

/// Reads along with what a client sends and looks at the heads of its frames, for what the session
/// would judge otherwise than we do: for headers that are too long it closes the connection with
/// all other calls on it; a priority of no stream at all it lets pass.
class frame_guard {
public:
  enum class verdict : std::uint8_t {
    fine,
    /// The headers of a call pass the bound.
    long_headers,
    /// A frame that HTTP/2 does not allow.
    broken,
  };

  /// The headers of one call may be `most` bytes long, as they are sent.
  explicit frame_guard(std::size_t most) : most_(most) {
  }

  /// What the session may have now, valid until the next call: these bytes and what was held before
  /// them. Headers in several frames are held until the last of them is there, since the session
  /// gives up as soon as one header says that it is too long. A frame that is not fine, and all
  /// behind it, is held for ever.
  std::string_view pass(std::string_view bytes);

  verdict found() const noexcept {
    return found_;
  }

  /// The call whose frame is not fine.
  std::int32_t offender() const noexcept {
    return offender_;
  }

private:
  void on_head();
  void release();

  static constexpr std::size_t head_size = 9;

  std::size_t most_;
  /// To be skipped: the client's first words, then what frames hold.
  std::size_t left_ = 24;
  std::array<std::uint8_t, head_size> head_{};
  std::size_t head_bytes_ = 0;
  /// Of the headers that are being sent.
  std::size_t block_ = 0;
  verdict found_ = verdict::fine;
  std::int32_t offender_ = 0;
  /// The headers that are being sent come in several frames, and are kept here.
  bool holds_ = false;
  /// The call that they are of.
  std::int32_t holder_ = 0;
  std::string held_;
  /// They end with the frame that is being skipped.
  bool is_last_ = false;
  std::string out_;
};

} // namespace reprise::frontend
