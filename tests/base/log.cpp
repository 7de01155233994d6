#include "base/log.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <array>
#include <string>

using namespace reprise;

namespace {

/// What one call writes to standard error.
std::string logged(log_level level, std::string_view text) {
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  auto kept = dup(STDERR_FILENO);
  REQUIRE(dup2(ends[1], STDERR_FILENO) >= 0);
  log(level, text);
  dup2(kept, STDERR_FILENO);
  close(kept);
  close(ends[1]);
  std::array<char, 4096> buffer{};
  auto size = read(ends[0], buffer.data(), buffer.size());
  close(ends[0]);
  return {buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

} // namespace

TEST_CASE("a log line is one line, whatever its text") {
  auto line = logged(log_level::error, "a\nb\rc\x1b[31md\x7f");
  CHECK(line.ends_with(" ERROR a\\nb\\x0dc\\x1b[31md\\x7f\n"));
  CHECK(line.find('\n') == line.size() - 1);
}

TEST_CASE("a line below the level is not written") {
  auto before = current_log_level();
  set_log_level(log_level::error);
  CHECK(logged(log_level::warn, "quiet").empty());
  CHECK(!logged(log_level::error, "loud").empty());
  set_log_level(log_level::off);
  CHECK(logged(log_level::error, "quiet").empty());
  set_log_level(before);
}
