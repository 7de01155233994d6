#pragma once

#include <string>

namespace reprise::engine {

/// "retry_policy.initial_interval" as "retryPolicy.initialInterval": masks come in both spellings.
inline std::string camel_case(const std::string& path) {
  std::string out;
  bool upper = false;
  for (char c : path) {
    if (c == '_') {
      upper = true;
      continue;
    }
    out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    upper = false;
  }
  return out;
}

} // namespace reprise::engine
