#pragma once

#include <stdexcept>
#include <string>

namespace reprise {

/// Thrown by ENSURE. Ends the one actor in which it is thrown; the actor's supervisor loads it
/// again from the store, which holds nothing of the broken state.
class broken_invariant : public std::logic_error {
public:
  using std::logic_error::logic_error;
};

namespace detail {
[[noreturn]] void ensure_failed(const char* condition, const char* file, int line,
                                const std::string& text);
[[noreturn]] void abort_failed(const char* condition, const char* file, int line,
                               const std::string& text);
} // namespace detail

} // namespace reprise

/// Always on: throws broken_invariant when `condition` does not hold.
#define ENSURE(condition, text)                                                                    \
  do {                                                                                             \
    if (!(condition)) [[unlikely]]                                                                 \
      ::reprise::detail::ensure_failed(#condition, __FILE__, __LINE__, (text));                    \
  } while (false)

/// Only where going on could write wrong history: ends the process.
#define ABORT_UNLESS(condition, text)                                                              \
  do {                                                                                             \
    if (!(condition)) [[unlikely]]                                                                 \
      ::reprise::detail::abort_failed(#condition, __FILE__, __LINE__, (text));                     \
  } while (false)
