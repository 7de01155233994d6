#pragma once

#include "store/mysql/connection.hpp"

#include <condition_variable>
#include <mutex>
#include <vector>

namespace reprise::store::mysql {

/// A few sessions for reads, lent to one thread each. A session that failed is not given back.
class session_pool {
public:
  explicit session_pool(dsn address);

  class loan {
  public:
    loan(session_pool& pool, std::unique_ptr<connection> session)
      : pool_(pool), session_(std::move(session)) {
    }

    ~loan();
    loan(const loan&) = delete;
    loan& operator=(const loan&) = delete;

    connection& operator*() const {
      return *session_;
    }

    /// Ends the session instead of giving it back.
    void discard() {
      session_.reset();
    }

  private:
    session_pool& pool_;
    std::unique_ptr<connection> session_;
  };

  /// Waits while all are lent; connects when there is none idle. Throws `failure`.
  loan borrow();

private:
  void give_back(std::unique_ptr<connection> session) noexcept;

  const dsn address_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<connection>> idle_;
  int lent_ = 0;
};

} // namespace reprise::store::mysql
