#pragma once

#include <optional>
#include <string_view>

namespace reprise {

/// The bytes of a zone's file (TZif) from the data set inside the program, which is that of the
/// machine that built it; nothing when the set lacks the name.
std::optional<std::string_view> built_in_zone(std::string_view name);

} // namespace reprise
