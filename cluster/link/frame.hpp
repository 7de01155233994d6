#pragma once

#include "cluster/link/settings.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// What goes over the wire, in frames:
//
//   type (1) | lane (1) | flags (1) | 0 (1) | length of the content (4, big end first) | content
//
// A frame is at most 64 KiB, so that whatever is more urgent never waits for more than that. An
// envelope is as many frames as it takes, and frames of other lanes and of the protocol itself may
// come between them. Frames of one lane carry one envelope after the other: the first frame of
// each says so by its flag, and begins with the size of the whole (4).

namespace reprise::link {

enum class frame_type : std::uint8_t {
  hello = 1,
  welcome = 2,
  farewell = 3,
  data = 4,
  credit = 5,
  heartbeat = 6,
};

constexpr std::size_t frame_head_bytes = 8;
constexpr std::size_t frame_bytes_max = 64U << 10;
constexpr std::size_t frame_content_max = frame_bytes_max - frame_head_bytes;
/// Of a side that is not known yet.
constexpr std::size_t stranger_content_max = 4U << 10;

/// This frame begins an envelope.
constexpr std::uint8_t flag_first = 1;
constexpr std::size_t envelope_head_bytes = 4;

/// What an envelope of so many bytes counts for in bounds and credits, on both sides: it takes
/// more than its bytes, and without this any number of empty ones would be for nothing.
constexpr std::size_t charge(std::size_t envelope_bytes) noexcept {
  return envelope_bytes + 128;
}

struct frame {
  frame_type type = frame_type::heartbeat;
  std::uint8_t lane = 0;
  std::uint8_t flags = 0;
  std::string_view content{};
};

void append_frame(std::string& to, const frame& what);
/// The same, for content that is appended afterwards.
void append_frame_head(std::string& to, const frame& what, std::size_t content_bytes);
/// The first frame's content begins with this.
void append_envelope_size(std::string& to, std::size_t size);
/// Of content that has the bytes for it.
std::size_t read_envelope_size(std::string_view content) noexcept;

/// Cuts what is received into frames. Holds less than a frame.
class frame_reader {
public:
  /// What is between the frames of `bytes` and what was kept of those before. The content of a
  /// frame lives as long as `bytes`, and until the next call.
  enum class found : std::uint8_t {
    frame,
    /// Less than a frame is left, which is kept.
    nothing,
    /// Not this protocol, or longer than it may be.
    broken,
  };

  /// Takes the next frame off the front of `bytes`, with at most so much content.
  found next(std::string_view& bytes, std::size_t content_max, frame& out);

  std::size_t kept() const noexcept {
    return kept_.size();
  }

private:
  std::string kept_;
  /// The last frame was made of kept_.
  bool is_used_ = false;
};

} // namespace reprise::link
