#include "store/sqlite/backup_copy.hpp"

#include "base/ids.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace reprise::store::sqlite {

namespace {

using namespace std::chrono_literals;

/// About a megabyte: between two of them the thread looks whether it is still wanted.
constexpr int pages_a_step = 256;
/// What is written goes to the disk in pieces: a heap of it would stand before the store's commits.
constexpr std::uint64_t sync_bytes = std::uint64_t{16} << 20;
/// How long somebody who asks waits for news.
constexpr auto news = 200ms;

error no_room(std::uint64_t needed) {
  return make_error(errc::resource_exhausted,
                    "There is no room for a copy of the store beside it: it needs "
                      + std::to_string((needed >> 20) + 1)
                      + " MiB. Make room, or copy the file while no server runs.");
}

error cannot(const char* what) {
  return make_error(errc::unavailable,
                    std::string{"The copy cannot be "} + what + ": " + std::strerror(errno) + ".");
}

error gone() {
  return make_error(errc::not_found, "There is no such copy: it was ended, or given up because "
                                     "nobody asked for it. Begin again.");
}

result<void> check_room(const std::string& path, std::uint64_t needed) {
  struct statvfs disk{};
  if (::statvfs(path.c_str(), &disk) != 0)
    return cannot("made");
  if (std::uint64_t{disk.f_bavail} * disk.f_frsize < needed)
    return no_room(needed);
  return {};
}

struct backup_closer {
  void operator()(sqlite3_backup* b) const noexcept {
    sqlite3_backup_finish(b);
  }
};

} // namespace

backup_copy::descriptor::~descriptor() {
  ::close(number);
}

result<std::unique_ptr<backup_copy>> backup_copy::begin(const std::string& store_path,
                                                        const std::string& vfs,
                                                        const backup_limits& limits) {
  auto source = std::make_unique<database>(store_path, vfs, SQLITE_OPEN_READWRITE);
  sqlite3_busy_timeout(source->handle(), 5000);
  source->execute("PRAGMA query_only = ON");
  // The state that is read from now on is fixed by the first read.
  source->execute("BEGIN");
  auto bytes = static_cast<std::uint64_t>(source->read_integer("PRAGMA page_count")
                                          * source->read_integer("PRAGMA page_size"));
  source->read_integer("SELECT count(*) FROM cluster_facts");
  if (auto room = check_room(store_path, bytes + limits.room_left_min); !room)
    return room.error();
  auto name = seeded_ids{random_seed()}.uuid4();
  auto path = store_path + "-backup-" + name;
  auto file = std::make_unique<descriptor>(
    ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file->number < 0)
    return cannot("made");
  std::unique_ptr<database> copy;
  try {
    copy = std::make_unique<database>(path, vfs, SQLITE_OPEN_READWRITE);
    copy->execute("PRAGMA journal_mode = OFF");
    copy->execute("PRAGMA synchronous = OFF");
  } catch (...) {
    ::unlink(path.c_str());
    throw;
  }
  ::unlink(path.c_str());
  std::unique_ptr<backup_copy> made{
    new backup_copy{std::move(source), std::move(copy), std::move(file), std::move(name), limits}};
  made->state_.bytes = bytes;
  made->thread_ = std::thread{[self = made.get()] { self->run(); }};
  return made;
}

backup_copy::backup_copy(std::unique_ptr<database> source, std::unique_ptr<database> copy,
                         std::unique_ptr<descriptor> file, std::string name,
                         const backup_limits& limits)
  : name_(std::move(name)),
    limits_(limits),
    source_(std::move(source)),
    copy_(std::move(copy)),
    file_(std::move(file)),
    asked_(std::chrono::steady_clock::now()) {
}

backup_copy::~backup_copy() {
  {
    std::lock_guard guard{mutex_};
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

// -- its thread ----------------------------------------------------------------------------------

void backup_copy::run() noexcept {
  std::optional<error> failed;
  try {
    copy_all();
  } catch (const failure& f) {
    failed = to_error(f);
  } catch (...) {
    failed = make_error(errc::unavailable, {});
  }
  // From here on the store's WAL may shrink again.
  copy_.reset();
  source_.reset();
  std::unique_lock lock{mutex_};
  failure_ = std::move(failed);
  state_.is_ready = !failure_;
  lock.unlock();
  changed_.notify_all();
  wait_for_the_end();
}

void backup_copy::copy_all() {
  std::unique_ptr<sqlite3_backup, backup_closer> work{
    sqlite3_backup_init(copy_->handle(), "main", source_->handle(), "main")};
  if (!work)
    throw failure{sqlite3_extended_errcode(copy_->handle()), sqlite3_errmsg(copy_->handle())};
  while (copy_some(work.get())) {
  }
  auto code = sqlite3_backup_finish(work.release());
  if (code != SQLITE_OK)
    throw failure{code, sqlite3_errstr(code)};
  copy_.reset();
  struct stat about{};
  if (::fstat(file_->number, &about) != 0)
    throw failure{SQLITE_IOERR, std::strerror(errno)};
  std::lock_guard guard{mutex_};
  state_.bytes = state_.copied = static_cast<std::uint64_t>(about.st_size);
}

/// False: that was the last of it.
bool backup_copy::copy_some(sqlite3_backup* work) {
  auto code = sqlite3_backup_step(work, pages_a_step);
  if (code != SQLITE_OK && code != SQLITE_DONE)
    throw failure{code, sqlite3_errstr(code)};
  auto total = static_cast<std::uint64_t>(sqlite3_backup_pagecount(work));
  auto left = static_cast<std::uint64_t>(sqlite3_backup_remaining(work));
  std::unique_lock lock{mutex_};
  auto before = state_.copied / sync_bytes;
  state_.copied = total == 0 ? 0 : state_.bytes * (total - left) / total;
  auto is_due = state_.copied / sync_bytes != before;
  if (ended_ || is_forgotten_locked())
    throw failure{SQLITE_ABORT, "nobody asks for the copy any more"};
  lock.unlock();
  changed_.notify_all();
  if (is_due)
    ::fdatasync(file_->number);
  return code != SQLITE_DONE;
}

void backup_copy::wait_for_the_end() {
  std::unique_lock lock{mutex_};
  while (!ended_ && !is_forgotten_locked())
    changed_.wait_until(lock, asked_ + limits_.patience);
  file_.reset();
}

bool backup_copy::is_forgotten_locked() const {
  return std::chrono::steady_clock::now() - asked_ >= limits_.patience;
}

// -- any thread ----------------------------------------------------------------------------------

result<void> backup_copy::usable_locked() const {
  if (failure_)
    return *failure_;
  if (!file_ || is_forgotten_locked())
    return gone();
  return {};
}

result<backup_state> backup_copy::look() {
  std::unique_lock lock{mutex_};
  if (auto ok = usable_locked(); !ok)
    return ok.error();
  asked_ = std::chrono::steady_clock::now();
  auto before = state_.copied;
  changed_.wait_until(lock, asked_ + news, [&] {
    return state_.is_ready || failure_ || !file_ || state_.copied != before;
  });
  if (auto ok = usable_locked(); !ok)
    return ok.error();
  return state_;
}

result<std::string> backup_copy::read(std::uint64_t offset, std::size_t bytes_max) {
  std::lock_guard guard{mutex_};
  if (auto ok = usable_locked(); !ok)
    return ok.error();
  asked_ = std::chrono::steady_clock::now();
  if (!state_.is_ready)
    return make_error(errc::failed_precondition, "The copy is still being made.");
  if (offset > state_.bytes)
    return make_error(errc::out_of_range, "The copy is shorter than that.");
  std::string out(std::min<std::uint64_t>(bytes_max, state_.bytes - offset), '\0');
  for (std::size_t have = 0; have < out.size();) {
    auto n = ::pread(file_->number, out.data() + have, out.size() - have,
                     static_cast<off_t>(offset + have));
    if (n <= 0)
      return cannot("read");
    have += static_cast<std::size_t>(n);
  }
  return out;
}

bool backup_copy::may_be_replaced() {
  std::lock_guard guard{mutex_};
  return failure_ || !file_ || is_forgotten_locked()
         || std::chrono::steady_clock::now() - asked_ >= limits_.courtesy;
}

} // namespace reprise::store::sqlite
