#pragma once

#include <string_view>
#include <vector>

namespace reprise::frontend::query {

/// Both ends included.
struct real_range {
  double first = 0;
  double last = 0;
};

/// All numbers whose text, as the reference's store spells it, begins so: "1.5" has 1.5, 1.52 and
/// 1.5e+20 (but not 15.0). None where it begins none.
std::vector<real_range> reals_beginning_with(std::string_view prefix);

} // namespace reprise::frontend::query
