#pragma once

#include <cstdint>
#include <initializer_list>
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
/// The same of a text in parts, for those who may not throw and so cannot put them together.
void log(log_level level, std::initializer_list<std::string_view> parts) noexcept;

/// For the handler of a `catch (...)`: what failed, and what the exception at hand says. Allocates
/// nothing that it could fail for: a handler is often there because there is no memory.
void log_thrown(log_level level, std::string_view failed) noexcept;
void log_thrown(log_level level, std::initializer_list<std::string_view> failed) noexcept;

} // namespace reprise
