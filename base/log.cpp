#include "base/log.hpp"

#include "base/log_format.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <span>
#include <string>
#include <utility>

namespace reprise {

namespace {

std::atomic<log_level> threshold{log_level::info};
std::atomic<log_format> form{log_format::text};
/// Never freed: others may be reading it at the end.
std::atomic<const std::string*> node{nullptr};
constexpr std::int64_t no_slot = -1;
thread_local std::int64_t slot_now = no_slot;

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

void append_hex(std::string& line, unsigned char byte) {
  constexpr std::string_view hex = "0123456789abcdef";
  line += hex[byte >> 4U];
  line += hex[byte & 0xFU];
}

void append_escaped(std::string& line, char c) {
  auto byte = static_cast<unsigned char>(c);
  if (c == '\n') {
    line += "\\n";
  } else if (byte < 0x20 || byte == 0x7F) {
    line += "\\x";
    append_hex(line, byte);
  } else {
    line += c;
  }
}

/// How many bytes the UTF-8 character at the beginning has; 0: it is none.
std::size_t character_size(std::string_view text) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  auto first = byte(0);
  if (first < 0x80)
    return 1;
  std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size)
    return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xC0U) != 0x80)
      return 0;
  // Longer than need be, half of a pair, or beyond the last one.
  auto second = byte(1);
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)
      || (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F))
    return 0;
  return size;
}

/// Inside of a JSON text. Bytes that are no UTF-8 become U+FFFD: names that callers chose end up
/// here, and the line has to be read all the same.
void append_json(std::string& line, std::string_view text) {
  while (!text.empty()) {
    auto size = character_size(text);
    auto byte = static_cast<unsigned char>(text.front());
    if (size == 0) {
      line += "\\ufffd";
    } else if (byte < 0x20 || byte == 0x7F) {
      line += "\\u00";
      append_hex(line, byte);
    } else {
      if (byte == '"' || byte == '\\')
        line += '\\';
      line += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
}

using parts = std::span<const std::string_view>;

std::string text_line(log_level level, parts texts, parts more) {
  static constexpr std::array<std::string_view, 4> names{"DEBUG", "INFO ", "WARN ", "ERROR"};
  static constexpr std::array<std::string_view, 4> colours{"", "", "\x1b[33m", "\x1b[31m"};
  static const bool is_colourful = takes_colour(STDERR_FILENO);
  auto at = static_cast<std::size_t>(level);
  auto colour = is_colourful ? colours[at] : "";
  std::string line = stamp() + " ";
  line.append(colour).append(names[at]).append(colour.empty() ? "" : "\x1b[0m").append(" ");
  for (auto some : {texts, more})
    for (auto text : some)
      for (char c : text)
        append_escaped(line, c);
  if (slot_now != no_slot)
    line += " (slot " + std::to_string(slot_now) + ")";
  return line + "\n";
}

std::string json_line(log_level level, parts texts, parts more) {
  static constexpr std::array<std::string_view, 4> names{"debug", "info", "warn", "error"};
  std::string line = "{\"time\":\"" + stamp() + "\",\"level\":\"";
  line += names[static_cast<std::size_t>(level)];
  if (const auto* name = node.load(std::memory_order_acquire)) {
    line += "\",\"node\":\"";
    append_json(line, *name);
  }
  line += '"';
  if (slot_now != no_slot)
    line += ",\"slot\":" + std::to_string(slot_now);
  line += ",\"message\":\"";
  std::string whole;
  for (auto some : {texts, more})
    for (auto text : some)
      whole += text;
  append_json(line, whole);
  return line + "\"}\n";
}

void write(log_level level, parts texts, parts more) noexcept try {
  if (level < current_log_level() || level == log_level::off)
    return;
  auto line = form.load(std::memory_order_relaxed) == log_format::json
                ? json_line(level, texts, more)
                : text_line(level, texts, more);
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

void set_log_format(log_format format) noexcept {
  form.store(format, std::memory_order_relaxed);
}

log_format log_format_now() noexcept {
  return form.load(std::memory_order_relaxed);
}

void set_log_node(std::string_view name) {
  node.store(new std::string{name}, std::memory_order_release);
}

log_about_slot::log_about_slot(std::uint32_t slot) noexcept
  : before_(std::exchange(slot_now, std::int64_t{slot})) {
}

log_about_slot::~log_about_slot() {
  slot_now = before_;
}

bool takes_colour(int descriptor) noexcept {
  auto is_set = [](const char* name, std::string_view value) {
    const auto* now = std::getenv(name);
    return now != nullptr && (value.empty() ? *now != '\0' : now == value);
  };
  return isatty(descriptor) != 0 && !is_set("NO_COLOR", "") && !is_set("TERM", "dumb");
}

} // namespace reprise
