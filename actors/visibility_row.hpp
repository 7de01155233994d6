#pragma once

#include "engine/machine/listing.hpp"
#include "store/types.hpp"

#include <cstdint>

namespace reprise::actors {

/// The row that lists a run whose rows have `key`.
store::visibility_row make_visibility_row(engine::listing told, std::int64_t key);

} // namespace reprise::actors
