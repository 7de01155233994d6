#include "cli/new_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

namespace reprise::cli {

namespace {

error taken(const std::string& path) {
  return make_error(errc::failed_precondition,
                    path + " exists already: choose another name, or replace it with --force");
}

/// Without it the name could be gone after a power cut.
void sync_folder_of(const std::string& path) {
  auto folder = std::filesystem::absolute(path).parent_path();
  auto opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0)
    return;
  ::fsync(opened);
  ::close(opened);
}

} // namespace

result<new_file> new_file::begin(const std::string& path, existing what) {
  struct stat about{};
  auto is_there = ::lstat(path.c_str(), &about) == 0;
  if (is_there && what == existing::refuse)
    return taken(path);
  if (is_there && !S_ISREG(about.st_mode))
    return make_error(errc::failed_precondition, path + " is no file: choose another name");
  auto part = path + ".part-" + std::to_string(::getpid());
  auto descriptor = ::open(part.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0)
    return make_error(errc::failed_precondition, "cannot write " + part + ": "
                                                   + std::strerror(errno)
                                                   + "; does the folder exist?");
  return new_file{path, std::move(part), what, descriptor};
}

new_file::new_file(std::string path, std::string part, existing what, int descriptor)
  : path_(std::move(path)), part_(std::move(part)), what_(what), descriptor_(descriptor) {
}

new_file::new_file(new_file&& other) noexcept
  : path_(std::move(other.path_)),
    part_(std::exchange(other.part_, {})),
    what_(other.what_),
    descriptor_(std::exchange(other.descriptor_, -1)) {
}

new_file::~new_file() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
  if (!part_.empty())
    ::unlink(part_.c_str());
}

error new_file::failed(const char* what) const {
  return make_error(errc::unavailable, std::string{"cannot "} + what + ": " + std::strerror(errno));
}

result<void> new_file::write(std::string_view bytes) {
  while (!bytes.empty()) {
    auto n = ::write(descriptor_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return failed(("write " + part_).c_str());
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

result<void> new_file::sync() {
  if (::fsync(descriptor_) != 0)
    return failed(("write " + part_).c_str());
  return {};
}

result<void> new_file::finish() {
  auto flags = what_ == existing::replace ? 0U : static_cast<unsigned>(RENAME_NOREPLACE);
  auto renamed = ::renameat2(AT_FDCWD, part_.c_str(), AT_FDCWD, path_.c_str(), flags);
  // Not every file system knows the flag; a second name is given only where there is none.
  if (renamed != 0 && errno == EINVAL && flags != 0) {
    renamed = ::link(part_.c_str(), path_.c_str());
    if (renamed == 0)
      ::unlink(part_.c_str());
  }
  if (renamed != 0 && errno == EEXIST)
    return taken(path_);
  if (renamed != 0)
    return failed(("give the file its name " + path_).c_str());
  part_.clear();
  sync_folder_of(path_);
  return {};
}

bool has_journal_beside(const std::string& path) {
  return ::access((path + "-wal").c_str(), F_OK) == 0
         || ::access((path + "-shm").c_str(), F_OK) == 0;
}

} // namespace reprise::cli
