#pragma once

#include "base/result.hpp"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace reprise::cli {

/// Flags of the reference's development server for which there is nothing to do here: scripts that
/// pass them keep working.
struct reference_flags {
  /// Accepted for those who are used to it; there are no web pages to switch off.
  bool headless = false;
  bool log_config = false;
  std::string http_port{};
  std::string ui_port{};
  std::string ui_ip{};
  std::string ui_asset_path{};
  std::string ui_public_path{};
  std::string ui_codec_endpoint{};
  /// "name=value".
  std::vector<std::string> sqlite_pragmas{};
};

void add_reference_flags(CLI::App& command, reference_flags& into);

/// What to tell the user who passed them, a sentence a flag. Refused: a pragma with which what was
/// acknowledged could be lost, and values that the flag does not have.
result<std::vector<std::string>> notes_on(const reference_flags& flags);

} // namespace reprise::cli
