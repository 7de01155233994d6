#include "base/log.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>

using namespace reprise;

namespace {

thread_local bool is_without_memory = false;

/// What some work writes to standard error.
template <class Work>
std::string written_by(Work&& work) {
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  auto kept = dup(STDERR_FILENO);
  REQUIRE(dup2(ends[1], STDERR_FILENO) >= 0);
  work();
  dup2(kept, STDERR_FILENO);
  close(kept);
  close(ends[1]);
  std::array<char, 4096> buffer{};
  auto size = read(ends[0], buffer.data(), buffer.size());
  close(ends[0]);
  return {buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

std::string logged(log_level level, std::string_view text) {
  return written_by([&] { log(level, text); });
}

} // namespace

// All of this program's memory comes from here; one thread may be told that there is none.
void* operator new(std::size_t size) {
  auto* out = is_without_memory ? nullptr : std::malloc(size);
  if (out == nullptr)
    throw std::bad_alloc{};
  return out;
}

void operator delete(void* at) noexcept {
  std::free(at);
}

void operator delete(void* at, std::size_t) noexcept {
  std::free(at);
}

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

TEST_CASE("a handler logs what was thrown, whatever it is") {
  auto said_of = [](auto thrown) {
    return written_by([&] {
      try {
        throw thrown;
      } catch (...) {
        log_thrown(log_level::error, {"it ", "failed"});
      }
    });
  };
  CHECK(said_of(std::runtime_error{"told to"}).ends_with(" ERROR it failed: told to\n"));
  CHECK(said_of(1).ends_with(" ERROR it failed\n"));
  CHECK(written_by([] { log_thrown(log_level::error, "nothing at hand"); })
          .ends_with(" ERROR nothing at hand\n"));
}

TEST_CASE("a handler that has no memory loses its line, and nothing else") {
  auto handled = false;
  auto line = written_by([&] {
    is_without_memory = true;
    try {
      throw std::bad_alloc{};
    } catch (...) {
      log_thrown(log_level::error, "a text that is too long to lie in a string's own room");
      handled = true;
    }
    is_without_memory = false;
  });
  CHECK(handled);
  CHECK(line.empty());
}
