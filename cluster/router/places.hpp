#pragma once

#include "store/types.hpp"

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <vector>

namespace reprise::cluster {

/// A node that takes part: its present incarnation in the store, and where its link is reached
/// ("host:port").
struct place {
  std::uint64_t incarnation = 0;
  std::string address{};

  friend bool operator==(const place&, const place&) = default;
};

using held_ranges = std::bitset<store::range_count>;

/// Who has what, as one node read it.
struct places {
  /// The reader's own incarnation; 0: it is no member now.
  std::uint64_t self = 0;
  std::vector<place> members{};
  /// Incarnations, by range; 0: nobody.
  std::array<std::uint64_t, store::range_count> owners{};
};

} // namespace reprise::cluster
