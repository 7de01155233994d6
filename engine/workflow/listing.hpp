#pragma once

#include "engine/machine/listing.hpp"
#include "engine/machine/step.hpp"

namespace reprise::engine {

/// What lists and queries are told of a run. Values of search attributes that cannot be understood
/// are left out of what queries see; the info keeps them.
listing listing_of(const execution& x, const protocol::search_attribute_types& types);

} // namespace reprise::engine
