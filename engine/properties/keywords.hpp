#pragma once

#include "engine/machine/step.hpp"

#include <string>
#include <vector>

// Search attributes that the server itself keeps of its runs: lists of keywords. Part of the fold.

namespace reprise::engine {

void set_keywords(execution& x, const std::string& name, const std::vector<std::string>& words);
std::vector<std::string> keywords_of(const execution& x, const std::string& name);
/// Without decoding: no for a word that is spelled in another way.
bool has_keyword(const execution& x, const std::string& name, const std::string& word);

} // namespace reprise::engine
