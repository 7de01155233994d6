#pragma once

#include "base/error.hpp"
#include "store/store.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace reprise::cli {

/// What health checks answer: whether the node holds its slots and the store works. Asks the store
/// nothing while all goes well; a failure that a caller was told makes it look, and look again
/// until the store works, at most a few times a second. Thread-safe; has a thread of its own.
class health {
public:
  /// Nothing: the server serves; else why it does not, for people to read.
  using why_not = std::optional<std::string>;
  using report = std::function<void(const why_not& why)>;

  explicit health(store::store& db);
  ~health();
  health(const health&) = delete;
  health& operator=(const health&) = delete;

  /// Who is told of every change, from now on and on any thread; once at once. Null: nobody.
  void tell(report listener);
  void on_serving(bool serving);
  /// A caller was told this.
  void on_failure(const error& why);

private:
  void watch();
  result<void> ask() noexcept;
  void store_changed(const result<void>& works);
  void say();
  why_not reason() const;

  store::store& db_;
  std::mutex mutex_;
  std::condition_variable changed_;
  report listener_;
  bool serving_ = false;
  bool store_works_ = true;
  /// What it said when it last did not.
  std::string trouble_;
  bool suspicious_ = false;
  bool ended_ = false;
  std::thread thread_;
};

} // namespace reprise::cli
