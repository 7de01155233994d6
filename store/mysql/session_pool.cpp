#include "store/mysql/session_pool.hpp"

namespace reprise::store::mysql {

std::unique_ptr<connection> connector::connect(role what, duration time_max) {
  using clock = std::chrono::steady_clock;
  if (!gate_.may_try(clock::now()))
    throw failure{failure::not_tried, "it could not be reached a moment ago"};
  try {
    auto made = std::make_unique<connection>(address_, address_.database, what, time_max);
    gate_.succeeded();
    return made;
  } catch (...) {
    gate_.failed(clock::now());
    throw;
  }
}

session_pool::session_pool(connector& server, int size, role what, duration time_max)
  : server_(server), size_(size), role_(what), time_max_(time_max) {
  idle_.reserve(static_cast<std::size_t>(size));
}

session_pool::loan session_pool::borrow() {
  std::unique_lock lock{mutex_};
  returned_.wait(lock, [&] { return lent_ < size_; });
  ++lent_;
  if (!idle_.empty()) {
    auto session = std::move(idle_.back());
    idle_.pop_back();
    return {*this, std::move(session)};
  }
  lock.unlock();
  try {
    return {*this, server_.connect(role_, time_max_)};
  } catch (...) {
    give_back(nullptr);
    throw;
  }
}

void session_pool::forget_idle() noexcept {
  std::lock_guard guard{mutex_};
  idle_.clear();
}

void session_pool::give_back(std::unique_ptr<connection> session) noexcept {
  {
    std::lock_guard guard{mutex_};
    --lent_;
    // Has room for all that can be lent, so it never throws.
    if (session)
      idle_.push_back(std::move(session));
  }
  returned_.notify_one();
}

session_pool::loan::~loan() {
  pool_.give_back(std::move(session_));
}

} // namespace reprise::store::mysql
