#pragma once

#include "store/mysql/connection.hpp"
#include "store/mysql/reconnect_gate.hpp"

#include <condition_variable>
#include <mutex>
#include <vector>

namespace reprise::store::mysql {

/// How the sessions of a store come to be.
class connector {
public:
  connector(dsn address, duration pause_first, duration pause_last)
    : address_(std::move(address)), gate_(pause_first, pause_last) {
  }

  /// Throws `failure`; without an attempt while the server was found away a moment ago.
  std::unique_ptr<connection> connect(role what, duration time_max = {});

private:
  const dsn address_;
  reconnect_gate gate_;
};

/// A few sessions for reads, lent to one thread each. A session that failed is not given back.
class session_pool {
public:
  /// `time_max`: of each statement, when they are scanners.
  session_pool(connector& server, int size, role what, duration time_max = {});

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
  /// Ends those that nobody has: where one was lost, the others mostly are, too.
  void forget_idle() noexcept;

private:
  void give_back(std::unique_ptr<connection> session) noexcept;

  connector& server_;
  const int size_;
  const role role_;
  const duration time_max_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<connection>> idle_;
  int lent_ = 0;
};

} // namespace reprise::store::mysql
