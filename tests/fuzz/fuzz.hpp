#pragma once

#include <google/protobuf/stubs/logging.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace reprise::fuzz {

/// Ends the process as a finding when what has to hold does not.
inline void require(bool holds, const std::string& what) {
  if (holds)
    return;
  std::fprintf(stderr, "does not hold: %s\n", what.c_str());
  std::abort();
}

inline std::string_view bytes_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Protobuf writes a line for each text that is not UTF-8, which is most of what fuzzers make.
inline const auto quiet = google::protobuf::SetLogHandler(nullptr);

} // namespace reprise::fuzz
