#include "cli/health.hpp"

#include "base/log.hpp"

#include <exception>
#include <utility>

namespace reprise::cli {

namespace {

constexpr auto look_again = std::chrono::milliseconds{300};

} // namespace

health::health(store::store& db) : db_(db), thread_([this] { watch(); }) {
}

health::~health() {
  {
    std::lock_guard lock{mutex_};
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void health::say() {
  if (listener_)
    listener_(reason());
}

health::why_not health::reason() const {
  if (!store_works_)
    return "the store cannot be written" + (trouble_.empty() ? "" : ": " + trouble_);
  if (!serving_)
    return "the server does not hold the workflows: it starts, stands by for the server that holds "
           "them, or has lost them to it";
  return std::nullopt;
}

void health::tell(report listener) {
  std::lock_guard lock{mutex_};
  listener_ = std::move(listener);
  say();
}

void health::on_serving(bool serving) {
  std::lock_guard lock{mutex_};
  serving_ = serving;
  say();
}

void health::on_failure(const error& why) {
  if (why.code != errc::unavailable)
    return;
  {
    std::lock_guard lock{mutex_};
    suspicious_ = true;
  }
  changed_.notify_all();
}

/// What the question throws is a no, too: this thread has to go on.
result<void> health::ask() noexcept {
  try {
    return db_.check();
  } catch (...) {
    log_thrown(log_level::error, "the store could not be asked");
    return make_error(errc::unavailable, {});
  }
}

void health::watch() {
  std::unique_lock lock{mutex_};
  while (!ended_) {
    if (store_works_)
      changed_.wait(lock, [this] { return ended_ || suspicious_; });
    if (ended_)
      return;
    suspicious_ = false;
    lock.unlock();
    auto works = ask();
    lock.lock();
    if (works.has_value() != store_works_)
      store_changed(works);
    // However many callers are refused (all of a standby's are), the store is asked now and then.
    changed_.wait_for(lock, look_again, [this] { return ended_; });
  }
}

void health::store_changed(const result<void>& works) {
  store_works_ = works.has_value();
  trouble_ = works ? "" : works.error().message;
  if (store_works_)
    log(log_level::info, "the store works again");
  else
    log(log_level::error, {"the store cannot be written, so calls are refused until it works again",
                           trouble_.empty() ? "" : ": ", trouble_});
  say();
}

} // namespace reprise::cli
