#pragma once

#include "store/mysql/connection.hpp"
#include "store/mysql/literal.hpp"

#include <string>
#include <utility>

namespace reprise::store::mysql {

/// Rows of one table on their way into multi-row statements, none longer than the server takes.
class row_batch {
public:
  row_batch(const char* head, const char* tail) : head_(head), tail_(tail) {
  }

  template <class... Values>
  void add(connection& db, const Values&... values) {
    std::string row;
    put_row(row, values...);
    append(db, std::move(row));
  }

  /// The number of rows that changed, as the server counts: 2 where a row gave way to its update.
  std::int64_t flush(connection& db);

private:
  void append(connection& db, std::string row);

  std::string head_;
  std::string tail_;
  std::string rows_;
  std::int64_t changed_ = 0;
};

} // namespace reprise::store::mysql
