#pragma once

#include "engine/machine/step.hpp"
#include "store/types.hpp"

#include <map>
#include <string>

namespace reprise::actors {

/// Name to IndexedValueType, of all search attributes that a namespace has.
using attribute_types = std::map<std::string, int>;

/// The row that lists a run in state `x`, whose rows have `key`. Values of search attributes that
/// cannot be understood are left out of what queries see; the info keeps them.
store::visibility_row make_visibility_row(const engine::execution& x, std::int64_t key,
                                          const attribute_types& types);

} // namespace reprise::actors
