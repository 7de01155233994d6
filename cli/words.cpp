#include "cli/words.hpp"

#include <cctype>

namespace reprise::cli {

namespace {

bool is_empty_value(const std::string& word) {
  return word.size() > 3 && word.starts_with("--") && word.find('=') == word.size() - 1;
}

bool is_short_with_equals(const std::string& word) {
  return word.size() > 2 && word[0] == '-' && std::isalpha(static_cast<unsigned char>(word[1])) != 0
         && word[2] == '=';
}

} // namespace

std::vector<std::string> apart(const std::vector<std::string>& words) {
  std::vector<std::string> out;
  auto ended = false;
  for (const auto& word : words) {
    ended = ended || word == "--";
    if (!ended && is_empty_value(word)) {
      out.push_back(word.substr(0, word.size() - 1));
      out.emplace_back();
    } else if (!ended && is_short_with_equals(word)) {
      out.push_back(word.substr(0, 2));
      out.push_back(word.substr(3));
    } else {
      out.push_back(word);
    }
  }
  return out;
}

} // namespace reprise::cli
