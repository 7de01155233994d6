#pragma once

#include "base/error.hpp"

#include <string>

namespace reprise::cli {

/// Exit codes of the binary.
constexpr int exit_ok = 0;
constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

/// Says on standard error why a command failed, in colour where that is wanted (a terminal, no
/// NO_COLOR), and answers exit_failed.
int fail(const std::string& text);
/// The same; exit_usage when the error says that the words make no sense (invalid_argument).
int fail(const error& why);

} // namespace reprise::cli
