#pragma once

#include "base/result.hpp"

#include <string>

namespace CLI {
class App;
}

namespace reprise::cli {

/// Gives a command's options what a YAML file says, as far as nobody said it before. The fields of
/// the file are called as the flags are, without the dashes. Refused (invalid_argument), with the
/// file's name and the line: fields that there are not, fields that are there twice, and values
/// that do not fit.
result<void> apply_config_file(CLI::App& command, const std::string& path);

/// The same file as it would be written now: every field with what is in force and what it is for.
/// Without passwords.
std::string config_text(const CLI::App& command);

} // namespace reprise::cli
