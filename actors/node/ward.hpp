#pragma once

#include <caf/actor.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace reprise::actors {

/// Actors of one kind, and what their supervisor does when one of them dies of an error. The two
/// functions run on the supervisor's thread.
struct ward {
  /// In logs and in the metric of deaths: "slot".
  std::string kind{};
  /// Those that live now, by index; emptied when they are watched.
  std::vector<caf::actor> watched{};
  /// Spawns the next one and puts it where others find it; called at once, and again a little later
  /// when it throws. Null handle: none is wanted any more. Empty: the node cannot go on.
  std::function<caf::actor(std::size_t index)> begin_again{};
  /// Lets the new one work; at once, or, when the same one dies again and again, after a pause
  /// that grows. May be empty.
  std::function<void(std::size_t index)> go_on{};
};

} // namespace reprise::actors
