#pragma once

#include <google/protobuf/arena.h>

#include <array>
#include <cstddef>

namespace reprise::engine {

/// Memory for messages that are made, serialised and thrown away in one place: with the messages
/// and strings in them they lie side by side on the stack, as far as they are small (the bytes of
/// longer strings do not). Not to be moved from:
/// taking parts out of an arena's message copies them.
class scratch {
public:
  scratch() = default;
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;

  /// A message that lives as long as this.
  template <class Message>
  Message& make() {
    return *google::protobuf::Arena::CreateMessage<Message>(&arena_);
  }

private:
  static google::protobuf::ArenaOptions on(std::array<char, 2048>& memory) {
    google::protobuf::ArenaOptions options;
    options.initial_block = memory.data();
    options.initial_block_size = memory.size();
    return options;
  }

  alignas(8) std::array<char, 2048> memory_;
  google::protobuf::Arena arena_{on(memory_)};
};

} // namespace reprise::engine
