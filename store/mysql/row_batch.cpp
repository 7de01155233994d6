#include "store/mysql/row_batch.hpp"

namespace reprise::store::mysql {

void row_batch::append(connection& db, std::string row) {
  if (head_.size() + rows_.size() + row.size() + tail_.size() + 16 > db.packet_max())
    changed_ = flush(db);
  if (!rows_.empty())
    rows_ += ',';
  rows_ += row;
}

std::int64_t row_batch::flush(connection& db) {
  if (!rows_.empty()) {
    auto text = head_ + rows_ + tail_;
    rows_.clear();
    changed_ += db.update(text);
  }
  return std::exchange(changed_, 0);
}

} // namespace reprise::store::mysql
