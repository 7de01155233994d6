#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

namespace reprise::testing {

/// For a test case that needs something which this machine does not have: says so. In CI
/// (`CI=true`) that is a failure.
inline void skipped(const std::string& why) {
  const auto* ci = std::getenv("CI");
  if (ci != nullptr && std::string{ci} == "true")
    FAIL_CHECK("not skipped, because this is CI: " << why);
  else
    MESSAGE("SKIPPED: " << why);
}

} // namespace reprise::testing
