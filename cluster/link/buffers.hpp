#pragma once

#include "cluster/link/meters.hpp"
#include "cluster/link/settings.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace reprise::link {

/// What became of an envelope that was given to be sent.
enum class sent : std::uint8_t {
  /// It goes out in its turn, unless the connection is lost before.
  taken,
  /// Its lane is full: `room` will be told.
  full,
  /// The peer is not connected.
  down,
  /// Larger than this process sends, or than the peer takes.
  too_large,
};

/// What passes between one connection and those who use it. Any thread.
class buffers {
public:
  /// An envelope on its way out.
  struct entry {
    std::string bytes{};
    /// An answer of the link's own.
    bool is_own = false;
  };

  /// `wake` has the connection's output taken, soon; it is called on any thread.
  buffers(const settings& with, std::shared_ptr<meters> counted, std::function<void()> wake);
  ~buffers();

  buffers(const buffers&) = delete;
  buffers& operator=(const buffers&) = delete;

  // -- for those who use it

  sent put(lane on, std::string envelope);
  /// The application is done with what counted for so much.
  void consume(lane on, std::size_t charged);
  /// What waits to be sent.
  std::size_t held(lane on) const;

  // -- for the connection

  /// The peer is up, and takes envelopes of at most so many bytes.
  void open(std::size_t envelope_bytes_max);
  /// Nothing more is taken; what waits is gone.
  void close();
  /// What is taken from here on is all that there is: from now on, who adds to it wakes.
  void rest();
  bool pop(lane on, entry& out);
  /// It is with the socket. True: there is room again for somebody who was refused.
  bool left(lane on, const entry& what);
  /// Small, and beside the bounds for others' envelopes. False: as many as may be wait already.
  bool put_own(lane on, std::string envelope);
  /// What the other side may have again, or 0 while that is too little to tell.
  std::size_t take_consumed(lane on);

private:
  struct lane_state {
    std::size_t bytes_max = 0;
    std::size_t tell_from = 0;
    std::deque<entry> waiting{};
    std::size_t held = 0;
    std::size_t own = 0;
    std::size_t consumed = 0;
    bool was_refused = false;
  };

  lane_state& of(lane on) {
    return lanes_[index(on)];
  }

  void wake_once(std::unique_lock<std::mutex> lock);

  const std::shared_ptr<meters> counted_;
  const std::function<void()> wake_;
  const std::size_t send_max_;
  const std::size_t own_max_;
  mutable std::mutex mutex_;
  std::array<lane_state, lanes> lanes_;
  std::size_t envelope_bytes_max_ = 0;
  bool is_open_ = false;
  bool is_woken_ = false;
};

/// The room that a received envelope takes; the other side may fill it again when this is gone.
/// Moves; any thread.
class held_room {
public:
  held_room() = default;

  held_room(std::shared_ptr<buffers> of, lane on, std::size_t charged)
    : of_(std::move(of)), on_(on), charged_(charged) {
  }

  held_room(held_room&& other) noexcept = default;

  held_room& operator=(held_room&& other) noexcept {
    release();
    of_ = std::move(other.of_);
    on_ = other.on_;
    charged_ = other.charged_;
    return *this;
  }

  ~held_room() {
    release();
  }

  /// At once.
  void release() {
    if (auto of = std::exchange(of_, nullptr))
      of->consume(on_, charged_);
  }

private:
  std::shared_ptr<buffers> of_{};
  lane on_ = lane::control;
  std::size_t charged_ = 0;
};

} // namespace reprise::link
