#pragma once

#include <string>
#include <vector>

namespace reprise::cli {

/// Words of a command line with each flag and its value apart where CLI11 would read something
/// else: it takes `--name=` for a flag whose value is the next word, and `-n=x` for the value "=x".
/// To the reference's flags they are an empty value, and "x".
std::vector<std::string> apart(const std::vector<std::string>& words);

} // namespace reprise::cli
