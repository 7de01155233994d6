#pragma once

#include "tests/crash/load/transport.hpp"

#include <chrono>
#include <thread>

namespace reprise::crash {

/// Far more than anything here takes on a machine that is not stuck.
inline constexpr auto patience = std::chrono::seconds{60};

/// Whether it came to hold.
template <class Condition>
bool wait_until(Condition holds) {
  auto until = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return true;
}

/// What a server's health service says.
inline bool says_serving(transport& to) {
  const std::string serving = "\x08\x01";
  auto answer = to.call("/grpc.health.v1.Health/Check", "", std::chrono::seconds{5});
  return answer && *answer == serving;
}

} // namespace reprise::crash
