#pragma once

#include "engine/machine/listing.hpp"
#include "store/types.hpp"

namespace reprise::actors {

/// The row that lists the run of this head.
store::visibility_row make_visibility_row(engine::listing told, const store::run_head& head);

} // namespace reprise::actors
