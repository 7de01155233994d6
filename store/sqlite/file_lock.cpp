#include "store/sqlite/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace reprise::store::sqlite {

namespace {

/// Who holds the lock, as it wrote itself into the file; for the sentence only.
std::string holder(int descriptor) {
  char text[32]{};
  auto size = pread(descriptor, text, sizeof text - 1, 0);
  std::string pid;
  for (ssize_t i = 0; i < size && text[i] >= '0' && text[i] <= '9'; ++i)
    pid.push_back(text[i]);
  return pid.empty() ? "another process" : "process " + pid;
}

void write_pid(int descriptor) {
  auto text = std::to_string(getpid()) + "\n";
  // What it says is a help to a reader; the lock holds without it.
  if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, text.data(), text.size(), 0) < 0)
    return;
}

} // namespace

result<file_lock> file_lock::acquire(const std::string& store_path) {
  auto path = store_path + "-lock";
  auto descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0)
    return make_error(errc::failed_precondition, "Cannot open the lock file " + path + ": "
                                                   + std::strerror(errno)
                                                   + ". Check that the folder exists and can be "
                                                     "written.");
  file_lock lock{descriptor};
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK)
      return make_error(errc::failed_precondition,
                        "Cannot lock " + path + ": " + std::strerror(errno) + ".");
    return make_error(errc::failed_precondition, "The store file " + store_path + " is in use by "
                                                   + holder(descriptor)
                                                   + ". Stop that server or choose another file.");
  }
  write_pid(descriptor);
  return lock;
}

file_lock::file_lock(file_lock&& other) noexcept
  : descriptor_(std::exchange(other.descriptor_, -1)) {
}

file_lock& file_lock::operator=(file_lock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

file_lock::~file_lock() {
  // The file stays: removing it would let a third process lock a file that nobody finds any more.
  if (descriptor_ >= 0)
    close(descriptor_);
}

} // namespace reprise::store::sqlite
