#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace reprise::cli {

/// Adds an option of texts that may be given several times, with one word each. A word is taken as
/// it is: CLI11's own lists take "[a,b]" for two words, "[]" for none (and then the next flag for
/// the word), and "{}" for no list.
CLI::Option* add_text_list(CLI::App& command, const std::string& names,
                           std::vector<std::string>& into, const std::string& help);

} // namespace reprise::cli
