#include "base/ensure.hpp"

#include "base/broken_invariants.hpp"
#include "base/log.hpp"

#include <atomic>
#include <cstdlib>

namespace reprise {

namespace {

std::atomic<std::uint64_t> broken{0};

} // namespace

std::uint64_t broken_invariants() noexcept {
  return broken.load(std::memory_order_relaxed);
}

} // namespace reprise

namespace reprise::detail {

namespace {

std::string describe(const char* condition, const char* file, int line, const std::string& text) {
  return std::string{file} + ":" + std::to_string(line) + ": " + text + " (" + condition + ")";
}

} // namespace

void ensure_failed(const char* condition, const char* file, int line, const std::string& text) {
  broken.fetch_add(1, std::memory_order_relaxed);
  auto message = describe(condition, file, line, text);
  log(log_level::error, "invariant broken: " + message);
  throw broken_invariant(message);
}

void abort_failed(const char* condition, const char* file, int line, const std::string& text) {
  log(log_level::error, "must not go on: " + describe(condition, file, line, text));
  std::abort();
}

} // namespace reprise::detail
