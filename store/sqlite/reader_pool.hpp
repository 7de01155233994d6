#pragma once

#include "store/sqlite/database.hpp"

#include <condition_variable>
#include <mutex>
#include <vector>

namespace reprise::store::sqlite {

/// A few read-only connections, opened when first needed and lent to one thread each. Any thread
/// may borrow; the lender outlives the loans.
class reader_pool {
public:
  /// `size`: so many connections. Of memory each may take some megabytes.
  reader_pool(std::string path, std::string vfs, int size);

  class loan {
  public:
    loan(reader_pool& pool, std::unique_ptr<database> db) : pool_(pool), db_(std::move(db)) {
    }

    ~loan();
    loan(const loan&) = delete;
    loan& operator=(const loan&) = delete;

    database& operator*() const {
      return *db_;
    }

    database* operator->() const {
      return db_.get();
    }

  private:
    reader_pool& pool_;
    std::unique_ptr<database> db_;
  };

  /// Waits while all are lent. Throws `failure` when a connection cannot be opened.
  loan borrow();

private:
  std::unique_ptr<database> open() const;
  void give_back(std::unique_ptr<database> db) noexcept;

  const std::string path_;
  const std::string vfs_;
  const int size_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<database>> idle_;
  int opened_ = 0;
};

} // namespace reprise::store::sqlite
