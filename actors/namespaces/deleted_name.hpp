#pragma once

#include <cstddef>
#include <string_view>

namespace reprise::actors {

/// The name of a namespace that was deleted with all that it has ends with this and the start of
/// its id; one that was only set to the state DELETED has its own name still.
inline constexpr std::string_view name_of_deleted = "-deleted-";
inline constexpr std::size_t deleted_id_length = 5;

inline bool has_name_of_deleted(std::string_view name, std::string_view id) {
  auto at = name.rfind(name_of_deleted);
  if (at == std::string_view::npos)
    return false;
  auto start_of_id = name.substr(at + name_of_deleted.size());
  return start_of_id.size() >= deleted_id_length && id.starts_with(start_of_id);
}

} // namespace reprise::actors
