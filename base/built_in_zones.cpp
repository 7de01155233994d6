#include "base/built_in_zones.hpp"

#include <charconv>
#include <cstddef>

namespace reprise {

// Made by cmake/time_zones.sh: for each zone a line "NAME SIZE", then that many bytes.
extern const unsigned char built_in_zone_bytes[];
extern const std::size_t built_in_zone_bytes_size;

std::optional<std::string_view> built_in_zone(std::string_view name) {
  std::string_view rest{reinterpret_cast<const char*>(built_in_zone_bytes),
                        built_in_zone_bytes_size};
  while (!rest.empty()) {
    auto line = rest.substr(0, rest.find('\n'));
    auto blank = line.find(' ');
    std::size_t size = 0;
    std::from_chars(line.data() + blank + 1, line.data() + line.size(), size);
    rest.remove_prefix(line.size() + 1);
    if (line.substr(0, blank) == name)
      return rest.substr(0, size);
    rest.remove_prefix(size);
  }
  return std::nullopt;
}

} // namespace reprise
