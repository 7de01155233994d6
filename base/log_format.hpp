#pragma once

#include <cstdint>
#include <string_view>

namespace reprise {

enum class log_format : std::uint8_t {
  /// For people: time, level, text, and the slot where it is known.
  text,
  /// For machines: an object a line, with the fields time, level, node, slot (where it is known)
  /// and message.
  json
};

/// How lines look from now on. Process-wide; may be set from any thread.
void set_log_format(log_format format) noexcept;

log_format log_format_now() noexcept;

/// Who says so in lines for machines. Process-wide; once, before there are other threads.
void set_log_node(std::string_view name);

/// What this thread logs is about a slot, while this lives.
class log_about_slot {
public:
  explicit log_about_slot(std::uint32_t slot) noexcept;
  ~log_about_slot();
  log_about_slot(const log_about_slot&) = delete;
  log_about_slot& operator=(const log_about_slot&) = delete;

private:
  std::int64_t before_;
};

/// Whether what goes to this descriptor may have colours: a terminal, that no NO_COLOR (of any
/// value but the empty one) and no TERM=dumb speaks against.
bool takes_colour(int descriptor) noexcept;

} // namespace reprise
