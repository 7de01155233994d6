#include "base/log.hpp"

#include "base/log_format.hpp"

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
  CHECK(written_by([] {
          log_thrown(log_level::error, "nothing at hand");
        }).ends_with(" ERROR nothing at hand\n"));
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

namespace {

/// Lines for machines, while it lives.
struct for_machines {
  for_machines() {
    set_log_format(log_format::json);
  }

  ~for_machines() {
    set_log_format(log_format::text);
  }

  for_machines(const for_machines&) = delete;
  for_machines& operator=(const for_machines&) = delete;
};

/// What stands in a line behind its time.
std::string behind_time(const std::string& line) {
  CHECK(line.starts_with("{\"time\":\"2"));
  return line.substr(line.find("Z\","));
}

} // namespace

TEST_CASE("a line for machines is an object, whatever its text") {
  for_machines now;
  CHECK(behind_time(logged(log_level::warn, "a\nb\"c\\d\x7f"))
        == "Z\",\"level\":\"warn\",\"message\":\"a\\u000ab\\\"c\\\\d\\u007f\"}\n");
  CHECK(behind_time(logged(log_level::error, "")).ends_with("\"message\":\"\"}\n"));
}

TEST_CASE("what is no UTF-8 is replaced byte by byte, and what is stays") {
  for_machines now;
  auto message = [](std::string_view text) {
    auto line = logged(log_level::error, text);
    auto at = line.find("\"message\":\"") + 11;
    return line.substr(at, line.size() - at - 3);
  };
  for (const char* good : {"\xc2\xb5", "\xe2\x82\xac", "\xed\x9f\xbf", "\xf0\x9f\x98\x80",
                           "\xf4\x8f\xbf\xbf", "plain"})
    CHECK(message(good) == good);
  // Alone, cut off, longer than need be, half of a pair, beyond the last one.
  CHECK(message("\x80") == "\\ufffd");
  CHECK(message("\xe2\x82") == "\\ufffd\\ufffd");
  CHECK(message("\xe2\x82x") == "\\ufffd\\ufffdx");
  CHECK(message("\xc0\xaf") == "\\ufffd\\ufffd");
  CHECK(message("\xe0\x80\xaf") == "\\ufffd\\ufffd\\ufffd");
  CHECK(message("\xed\xa0\x80") == "\\ufffd\\ufffd\\ufffd");
  CHECK(message("\xf4\x90\x80\x80") == "\\ufffd\\ufffd\\ufffd\\ufffd");
  CHECK(message("\xff") == "\\ufffd");
  // Of two parts one character.
  CHECK(behind_time(written_by([] { log(log_level::error, {"\xe2\x82", "\xac"}); }))
          .ends_with("\"\xe2\x82\xac\"}\n"));
}

TEST_CASE("a line says which slot it is about, where that is known") {
  auto text = written_by([] {
    log_about_slot about{17};
    log(log_level::error, "lost");
  });
  CHECK(text.ends_with(" ERROR lost (slot 17)\n"));
  for_machines now;
  auto line = written_by([] {
    log_about_slot outer{17};
    {
      log_about_slot about{4095};
      log(log_level::error, "inner");
    }
    log(log_level::error, "outer");
  });
  CHECK(line.find("\"slot\":4095,\"message\":\"inner\"") != std::string::npos);
  CHECK(line.find("\"slot\":17,\"message\":\"outer\"") != std::string::npos);
  CHECK(logged(log_level::error, "none").find("slot") == std::string::npos);
}

// Behind the others: the name stays.
TEST_CASE("a line for machines says who says so") {
  set_log_node("node \"a\"");
  for_machines now;
  CHECK(behind_time(logged(log_level::info, "x"))
        == "Z\",\"level\":\"info\",\"node\":\"node \\\"a\\\"\",\"message\":\"x\"}\n");
}
