#include "cli/reference_flags.hpp"

#include "cli/text_list.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>

namespace reprise::cli {

namespace {

constexpr const char* no_pages = "this server has no web pages of its own";
constexpr const char* no_http = "this server has no HTTP API";

error refused(std::string text) {
  return make_error(errc::invalid_argument, std::move(text));
}

std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

/// Values of a pragma with which a commit that was acknowledged could be lost, or the file.
bool weakens(const std::string& name, const std::string& value) {
  constexpr std::array<std::string_view, 4> weak_syncs{"off", "normal", "0", "1"};
  constexpr std::array<std::string_view, 2> weak_journals{"off", "memory"};
  constexpr std::array<std::string_view, 4> yes{"on", "true", "yes", "1"};
  auto is_in = [&value](const auto& list) { return std::ranges::find(list, value) != list.end(); };
  if (name == "synchronous")
    return is_in(weak_syncs);
  if (name == "journal_mode")
    return is_in(weak_journals);
  if (name == "writable_schema" || name == "ignore_check_constraints")
    return is_in(yes);
  return false;
}

/// Whether the store does it anyway.
bool is_so(const std::string& name, const std::string& value) {
  return (name == "synchronous" && (value == "full" || value == "2"))
         || (name == "journal_mode" && value == "wal");
}

result<void> note_pragma(const std::string& text, std::vector<std::string>& notes) {
  auto at = text.find('=');
  if (at == std::string::npos || at == 0)
    return refused("--sqlite-pragma " + text + ": write it as name=value");
  auto name = lower(std::string_view{text}.substr(0, at));
  auto value = lower(std::string_view{text}.substr(at + 1));
  if (weakens(name, value))
    return refused("--sqlite-pragma " + text
                   + " is refused: what was acknowledged could be lost with it");
  if (!is_so(name, value))
    notes.push_back("--sqlite-pragma " + text
                    + " has no effect: the store has settings of its own");
  return {};
}

} // namespace

void add_reference_flags(CLI::App& command, reference_flags& into) {
  constexpr const char* group = "Accepted, without effect here";
  auto text = [&](const char* name, std::string& value, const char* help) {
    command.add_option(name, value, help)->group(group);
  };
  command.add_flag("--headless", into.headless, "There are no web pages to leave out")
    ->group(group);
  command.add_flag("--log-config", into.log_config, "Write the server's configuration to the log")
    ->group(group);
  text("--http-port", into.http_port, "Port of the HTTP API");
  text("--ui-port", into.ui_port, "Port of the web pages");
  text("--ui-ip", into.ui_ip, "Address of the web pages");
  text("--ui-asset-path", into.ui_asset_path, "Folder of the web pages");
  text("--ui-public-path", into.ui_public_path, "Path of the web pages");
  text("--ui-codec-endpoint", into.ui_codec_endpoint, "Codec server of the web pages");
  add_text_list(command, "--sqlite-pragma", into.sqlite_pragmas,
                "Setting of SQLite, as name=value; refused when it weakens durability")
    ->group(group);
}

result<std::vector<std::string>> notes_on(const reference_flags& flags) {
  std::vector<std::string> notes;
  auto note = [&notes](bool given, const char* name, const char* why) {
    if (given)
      notes.push_back(std::string{name} + " has no effect: " + why);
  };
  note(flags.log_config, "--log-config", "--print-config shows it");
  note(!flags.http_port.empty(), "--http-port", no_http);
  note(!flags.ui_port.empty(), "--ui-port", no_pages);
  note(!flags.ui_ip.empty(), "--ui-ip", no_pages);
  note(!flags.ui_asset_path.empty(), "--ui-asset-path", no_pages);
  note(!flags.ui_public_path.empty(), "--ui-public-path", no_pages);
  note(!flags.ui_codec_endpoint.empty(), "--ui-codec-endpoint", no_pages);
  for (const auto& pragma : flags.sqlite_pragmas)
    if (auto ok = note_pragma(pragma, notes); !ok)
      return std::move(ok).error();
  return notes;
}

} // namespace reprise::cli
