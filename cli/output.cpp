#include "cli/output.hpp"

#include "base/log.hpp"
#include "base/log_format.hpp"

#include <unistd.h>

#include <cstdio>

namespace reprise::cli {

int fail(const std::string& text) {
  if (log_format_now() == log_format::json) {
    log(log_level::error, text);
    return exit_failed;
  }
  auto colour = takes_colour(STDERR_FILENO);
  std::fprintf(stderr, "%serror:%s %s\n", colour ? "\x1b[31m" : "", colour ? "\x1b[0m" : "",
               text.c_str());
  return exit_failed;
}

int fail(const error& why) {
  fail(why.message);
  return why.code == errc::invalid_argument ? exit_usage : exit_failed;
}

} // namespace reprise::cli
