#pragma once

#include "base/result.hpp"

#include <sys/types.h>

#include <string>
#include <utility>

namespace reprise::store::sqlite {

/// Keeps a store's file to one process, by whatever name it is opened: an exclusive lock on the
/// file itself, held while this lives. It lies on a byte that SQLite neither locks nor stores
/// anything in, and belongs to a descriptor of its own (an "open file description lock"), so it and
/// SQLite's locks do not see each other. The kernel drops it with the process, however that ends,
/// so no stale lock can stay.
///
/// A neighbour file, `<name>-lock`, is locked beside it: servers of before know only that one, and
/// it holds the number of the process, for whoever looks.
///
/// Must outlive SQLite's connections: whoever closes one descriptor of a file gives up all that
/// SQLite has locked in it.
class file_lock {
public:
  /// Makes the file when it is absent. failed_precondition when another holder is alive, when the
  /// file cannot be had, or when it has a second name under which it may have been served: what was
  /// not yet copied into it would lie beside that one.
  static result<file_lock> acquire(const std::string& store_path);

  /// The path that all names of the file but hard links lead to: where its WAL lies.
  const std::string& path() const noexcept {
    return path_;
  }

  /// Whether the path leads to the file that is locked.
  bool is_in_place() const;

  file_lock(file_lock&& other) noexcept;
  file_lock& operator=(file_lock&& other) noexcept;
  ~file_lock();

private:
  using identity = std::pair<dev_t, ino_t>;

  file_lock() = default;
  // In this order. Each names the file as its user did.
  result<void> note_file(const std::string& named);
  result<void> lock_file(const std::string& named);
  result<void> lock_neighbour(const std::string& named);

  std::string path_;
  identity file_{};
  /// No other lock of this process is on that file.
  bool holds_ = false;
  int descriptor_ = -1;
  int neighbour_ = -1;
};

} // namespace reprise::store::sqlite
