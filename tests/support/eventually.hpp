#pragma once

#include <chrono>
#include <thread>

namespace reprise::testing {

/// Waits until something comes true, for half a minute at most; answers whether it did.
template <class Condition>
bool eventually(Condition comes_true) {
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (!comes_true()) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return true;
}

} // namespace reprise::testing
