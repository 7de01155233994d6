#pragma once

#include "store/mysql/row_batch.hpp"
#include "store/sql/attribute_codec.hpp"
#include "store/sql/listed_counts.hpp"

#include <vector>

// Where queries find a row of `visibility`: its attributes by value, in `attributes`, and the
// counts of `listed_counts`.
namespace reprise::store::mysql {

/// A row of `attributes`.
struct attribute_row {
  sql::attribute_element element{};
  /// Its entry in the index of values; of elements that share one, the first has it.
  std::optional<std::int64_t> value_hash{};
  std::int64_t close_order = 0;
  std::int64_t start_time = 0;
};

std::vector<attribute_row> attribute_rows(const visibility_row& row);

extern const char* const attributes_head;
extern const char* const attributes_tail;
void add_attribute_row(connection& db, row_batch& batch, std::int64_t key,
                       const attribute_row& row);

/// Writes what was changed, and leaves nothing of it.
void write_counts(connection& db, sql::count_changes& counts);

} // namespace reprise::store::mysql
