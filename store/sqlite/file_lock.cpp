#include "store/sqlite/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <set>

namespace reprise::store::sqlite {

namespace {

// SQLite locks 512 bytes from here on, and keeps the page that holds them free of data.
constexpr off_t sqlite_locks_begin = 0x40000000;
constexpr off_t sqlite_locks_size = 512;
/// In the same page, behind them.
constexpr off_t our_byte = sqlite_locks_begin + sqlite_locks_size;

/// The files that this process has locked. To open one of them again, and close it, would take
/// SQLite's locks away; so it is refused by a look at its name alone.
struct held_files {
  std::mutex mutex{};
  std::set<std::pair<dev_t, ino_t>> all{};
};

held_files& held() {
  static held_files files;
  return files;
}

std::optional<struct stat> status_of(const std::string& path) {
  struct stat about{};
  if (stat(path.c_str(), &about) != 0)
    return std::nullopt;
  return about;
}

error cannot(const std::string& action, const std::string& path) {
  return make_error(errc::failed_precondition,
                    "Cannot " + action + " " + path + ": " + std::strerror(errno)
                      + ". Check that the folder exists and can be written.");
}

error in_use(const std::string& store_path, const std::string& holder) {
  return make_error(errc::failed_precondition, "The store file " + store_path + " is in use by "
                                                 + holder
                                                 + ". Stop that server or choose another file.");
}

/// Who wrote itself into the neighbour file; for the sentence only.
std::string writer_of(const std::string& neighbour) {
  std::ifstream in{neighbour};
  auto pid = 0L;
  return in >> pid ? "process " + std::to_string(pid) : "another process";
}

/// Who holds the store's file, by whatever name: SQLite locks some of its bytes for a process while
/// a connection is open, and the kernel tells for which. For the sentence only.
std::string holder_of(int descriptor, const std::string& neighbour) {
  struct flock asked{};
  asked.l_type = F_WRLCK;
  asked.l_whence = SEEK_SET;
  asked.l_start = sqlite_locks_begin;
  asked.l_len = sqlite_locks_size;
  if (fcntl(descriptor, F_GETLK, &asked) != 0 || asked.l_type == F_UNLCK || asked.l_pid <= 0)
    return writer_of(neighbour);
  return "process " + std::to_string(asked.l_pid);
}

void write_pid(int neighbour) {
  auto text = std::to_string(getpid()) + "\n";
  // What it says is a help to a reader; the lock holds without it.
  if (ftruncate(neighbour, 0) != 0 || pwrite(neighbour, text.data(), text.size(), 0) < 0)
    return;
}

/// Where the file lies, without symbolic links on the way. Makes it when it is absent.
result<std::string> place_of(const std::string& store_path) {
  auto named = status_of(store_path);
  if (named && !S_ISREG(named->st_mode))
    return make_error(errc::failed_precondition,
                      "The store file " + store_path + " is not a file. Choose another name.");
  if (!named) {
    auto made = open(store_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (made < 0)
      return cannot("open the store file", store_path);
    close(made);
  }
  std::unique_ptr<char, void (*)(void*)> place{realpath(store_path.c_str(), nullptr), &std::free};
  if (!place)
    return cannot("find the store file", store_path);
  return std::string{place.get()};
}

} // namespace

result<file_lock> file_lock::acquire(const std::string& store_path) {
  auto place = place_of(store_path);
  if (!place)
    return place.error();
  file_lock lock;
  lock.path_ = std::move(*place);
  if (auto noted = lock.note_file(store_path); !noted)
    return noted.error();
  if (auto locked = lock.lock_file(store_path); !locked)
    return locked.error();
  if (auto locked = lock.lock_neighbour(store_path); !locked)
    return locked.error();
  write_pid(lock.neighbour_);
  return lock;
}

result<void> file_lock::note_file(const std::string& named) {
  auto about = status_of(path_);
  if (!about)
    return cannot("find the store file", named);
  file_ = {about->st_dev, about->st_ino};
  std::lock_guard guard{held().mutex};
  holds_ = held().all.insert(file_).second;
  if (!holds_)
    return in_use(named, "process " + std::to_string(getpid()));
  return {};
}

result<void> file_lock::lock_file(const std::string& named) {
  descriptor_ = open(path_.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor_ < 0)
    return cannot("open the store file", named);
  struct flock wanted{};
  wanted.l_type = F_WRLCK;
  wanted.l_whence = SEEK_SET;
  wanted.l_start = our_byte;
  wanted.l_len = 1;
  if (fcntl(descriptor_, F_OFD_SETLK, &wanted) != 0) {
    if (errno == EAGAIN || errno == EACCES)
      return in_use(named, holder_of(descriptor_, path_ + "-lock"));
    return cannot("lock the store file", named);
  }
  if (!is_in_place())
    return make_error(errc::failed_precondition, "The store file " + named
                                                   + " was replaced while it was opened. Try "
                                                     "again when nothing else touches it.");
  return {};
}

result<void> file_lock::lock_neighbour(const std::string& named) {
  auto path = path_ + "-lock";
  auto about = status_of(path_);
  if (about && about->st_nlink > 1 && !status_of(path))
    return make_error(
      errc::failed_precondition,
      "The store file " + named + " has " + std::to_string(about->st_nlink)
        + " names (hard links), and was not served by this one before: its last changes may lie "
          "beside another. Use that name, or copy the file and its -wal.");
  neighbour_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (neighbour_ < 0)
    return cannot("open the lock file", path);
  if (flock(neighbour_, LOCK_EX | LOCK_NB) == 0)
    return {};
  if (errno == EWOULDBLOCK)
    return in_use(named, writer_of(path));
  return cannot("lock", path);
}

bool file_lock::is_in_place() const {
  struct stat locked{};
  auto named = status_of(path_);
  return named && fstat(descriptor_, &locked) == 0 && named->st_dev == locked.st_dev
         && named->st_ino == locked.st_ino && file_ == identity{locked.st_dev, locked.st_ino};
}

file_lock::file_lock(file_lock&& other) noexcept
  : path_(std::move(other.path_)),
    file_(other.file_),
    holds_(std::exchange(other.holds_, false)),
    descriptor_(std::exchange(other.descriptor_, -1)),
    neighbour_(std::exchange(other.neighbour_, -1)) {
}

file_lock& file_lock::operator=(file_lock&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(file_, other.file_);
  std::swap(holds_, other.holds_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(neighbour_, other.neighbour_);
  return *this;
}

file_lock::~file_lock() {
  // The neighbour stays: removing it would let a third process lock a file that nobody finds.
  for (auto descriptor : {descriptor_, neighbour_})
    if (descriptor >= 0)
      close(descriptor);
  if (!holds_)
    return;
  std::lock_guard guard{held().mutex};
  held().all.erase(file_);
}

} // namespace reprise::store::sqlite
