#include "store/mysql/session_pool.hpp"

namespace reprise::store::mysql {

namespace {

constexpr int sessions_max = 4;

} // namespace

session_pool::session_pool(dsn address) : address_(std::move(address)) {
  idle_.reserve(sessions_max);
}

session_pool::loan session_pool::borrow() {
  std::unique_lock lock{mutex_};
  returned_.wait(lock, [&] { return lent_ < sessions_max; });
  ++lent_;
  if (!idle_.empty()) {
    auto session = std::move(idle_.back());
    idle_.pop_back();
    return {*this, std::move(session)};
  }
  lock.unlock();
  try {
    return {*this, std::make_unique<connection>(address_, address_.database, role::reader)};
  } catch (...) {
    give_back(nullptr);
    throw;
  }
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
