#pragma once

#include "base/result.hpp"

#include <string>

namespace reprise::cli {

/// The first line of the file that --mysql-password-file names, without what ends it. Refused
/// (invalid_argument) when there is none.
result<std::string> read_password(const std::string& path);

} // namespace reprise::cli
