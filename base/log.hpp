#pragma once

#include <cstdint>
#include <string_view>

namespace reprise {

enum class log_level : std::uint8_t {
  debug,
  info,
  warn,
  error,
  off
};

/// Lines below this level are dropped. Process-wide; may be set from any thread.
void set_log_level(log_level level) noexcept;
log_level current_log_level() noexcept;

/// Writes one line to standard error: time, level, text. Thread-safe; a line is one write, so
/// lines of several threads never mix. Never throws. Control characters in `text` are escaped:
/// names that callers chose end up here.
void log(log_level level, std::string_view text) noexcept;

} // namespace reprise
