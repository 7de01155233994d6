#pragma once

#include "base/result.hpp"

#include <string>

namespace reprise::store::sqlite {

/// Keeps a store's file to one process: an exclusive lock on a neighbour file, held while this
/// lives. The kernel drops it with the process, however that ends, so no stale lock can stay.
class file_lock {
public:
  /// failed_precondition when another holder is alive.
  static result<file_lock> acquire(const std::string& store_path);

  file_lock(file_lock&& other) noexcept;
  file_lock& operator=(file_lock&& other) noexcept;
  ~file_lock();

private:
  explicit file_lock(int descriptor) : descriptor_(descriptor) {
  }

  int descriptor_ = -1;
};

} // namespace reprise::store::sqlite
