#include "base/log.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <ctime>
#include <exception>
#include <span>
#include <string>

namespace reprise {

namespace {

std::atomic<log_level> threshold{log_level::info};

std::string stamp() {
  auto now = std::chrono::system_clock::now();
  auto seconds = std::chrono::system_clock::to_time_t(now);
  auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch())
                % 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  auto length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  auto fraction = std::to_string(1000 + millis.count()).substr(1);
  return std::string{text.data(), length} + "." + fraction + "Z";
}

void append_escaped(std::string& line, char c) {
  constexpr std::string_view hex = "0123456789abcdef";
  auto byte = static_cast<unsigned char>(c);
  if (c == '\n') {
    line += "\\n";
  } else if (byte < 0x20 || byte == 0x7F) {
    line += "\\x";
    line += hex[byte >> 4U];
    line += hex[byte & 0xFU];
  } else {
    line += c;
  }
}

using parts = std::span<const std::string_view>;

void write(log_level level, parts texts, parts more) noexcept try {
  if (level < current_log_level() || level == log_level::off)
    return;
  static constexpr std::array<std::string_view, 4> names{"DEBUG", "INFO ", "WARN ", "ERROR"};
  std::string line = stamp() + " " + std::string{names[static_cast<std::size_t>(level)]} + " ";
  for (auto some : {texts, more})
    for (auto text : some)
      for (char c : text)
        append_escaped(line, c);
  line += '\n';
  // A lost log line is no reason to fail, so the result is looked at and let go.
  if (::write(STDERR_FILENO, line.data(), line.size()) < 0)
    return;
} catch (...) {
}

void write_thrown(log_level level, parts failed) noexcept {
  if (!std::current_exception())
    return write(level, failed, {});
  try {
    throw;
  } catch (const std::exception& e) {
    std::array<std::string_view, 2> why{": ", e.what()};
    write(level, failed, why);
  } catch (...) {
    write(level, failed, {});
  }
}

} // namespace

void set_log_level(log_level level) noexcept {
  threshold.store(level, std::memory_order_relaxed);
}

log_level current_log_level() noexcept {
  return threshold.load(std::memory_order_relaxed);
}

void log(log_level level, std::string_view text) noexcept {
  write(level, {&text, 1}, {});
}

void log(log_level level, std::initializer_list<std::string_view> parts) noexcept {
  write(level, {parts.begin(), parts.size()}, {});
}

void log_thrown(log_level level, std::string_view failed) noexcept {
  write_thrown(level, {&failed, 1});
}

void log_thrown(log_level level, std::initializer_list<std::string_view> failed) noexcept {
  write_thrown(level, {failed.begin(), failed.size()});
}

} // namespace reprise
