#pragma once

#include "store/backup.hpp"
#include "store/open.hpp"
#include "store/sqlite/database.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace reprise::store::sqlite {

/// A copy of a store's file, in a file beside it that has no name, so that it is gone with the
/// process whatever happens. The copy is made by a thread of its own, from a connection of its own
/// that reads the state in which the store was when this was made: the WAL keeps what changes
/// meanwhile, and grows by that. Thread-safe.
class backup_copy {
public:
  /// Refused (resource_exhausted) when there is no room. Throws `failure`.
  static result<std::unique_ptr<backup_copy>>
  begin(const std::string& store_path, const std::string& vfs, const backup_limits& limits);
  ~backup_copy();

  backup_copy(const backup_copy&) = delete;
  backup_copy& operator=(const backup_copy&) = delete;

  const std::string& name() const noexcept {
    return name_;
  }

  result<backup_state> look();
  result<std::string> read(std::uint64_t offset, std::size_t bytes_max);
  /// Whether it is of no use any more, or nobody cares: another one may take its place.
  bool may_be_replaced();

private:
  struct descriptor {
    explicit descriptor(int number) : number(number) {
    }

    ~descriptor();
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;

    const int number;
  };

  backup_copy(std::unique_ptr<database> source, std::unique_ptr<database> copy,
              std::unique_ptr<descriptor> file, std::string name, const backup_limits& limits);

  void run() noexcept;
  void copy_all();
  bool copy_some(sqlite3_backup* work);
  void wait_for_the_end();
  bool is_forgotten_locked() const;
  result<void> usable_locked() const;

  const std::string name_;
  const backup_limits limits_;
  // Of the thread alone, until the copy is ready.
  std::unique_ptr<database> source_;
  std::unique_ptr<database> copy_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<descriptor> file_;
  backup_state state_;
  std::optional<error> failure_;
  std::chrono::steady_clock::time_point asked_;
  bool ended_ = false;
  std::thread thread_;
};

} // namespace reprise::store::sqlite
