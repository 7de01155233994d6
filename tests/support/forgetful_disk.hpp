#pragma once

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

// A disk in memory that forgets, as a real one does at a power cut, every write that was not
// synced. SQLite uses it as a VFS by name; whoever holds the object pulls the plug:
//
//   disk.crash();   // what was not synced is gone; who has files open goes on with their ghosts
//   store.reset();  // the end of the process that had them open
//   disk.power_on();
//   store = ...     // the restart
namespace reprise::test {

class forgetful_disk {
public:
  /// Registers the VFS. The name must be free; one object a name at a time.
  explicit forgetful_disk(std::string name) : name_(std::move(name)) {
    sqlite3_initialize();
    under_ = sqlite3_vfs_find(nullptr);
    vfs_.iVersion = 2;
    vfs_.szOsFile = sizeof(handle);
    vfs_.mxPathname = 1024;
    vfs_.zName = name_.c_str();
    vfs_.pAppData = this;
    vfs_.xOpen = &vfs_open;
    vfs_.xDelete = &vfs_delete;
    vfs_.xAccess = &vfs_access;
    vfs_.xFullPathname = [](sqlite3_vfs*, const char* path, int size, char* out) {
      return std::snprintf(out, static_cast<std::size_t>(size), "%s", path) < size
               ? SQLITE_OK
               : SQLITE_CANTOPEN;
    };
    vfs_.xRandomness = [](sqlite3_vfs* v, int n, char* out) {
      return disk_of(v).under_->xRandomness(disk_of(v).under_, n, out);
    };
    vfs_.xSleep = [](sqlite3_vfs* v, int us) {
      return disk_of(v).under_->xSleep(disk_of(v).under_, us);
    };
    vfs_.xCurrentTime = [](sqlite3_vfs* v, double* out) {
      return disk_of(v).under_->xCurrentTime(disk_of(v).under_, out);
    };
    vfs_.xCurrentTimeInt64 = [](sqlite3_vfs* v, sqlite3_int64* out) {
      return disk_of(v).under_->xCurrentTimeInt64(disk_of(v).under_, out);
    };
    vfs_.xGetLastError = [](sqlite3_vfs*, int, char*) { return 0; };
    sqlite3_vfs_register(&vfs_, 0);
  }

  ~forgetful_disk() {
    sqlite3_vfs_unregister(&vfs_);
  }

  forgetful_disk(const forgetful_disk&) = delete;
  forgetful_disk& operator=(const forgetful_disk&) = delete;

  const std::string& name() const {
    return name_;
  }

  /// Power cut: every file is as it was last synced. Whoever has files open goes on with ghosts of
  /// them: what they write from now on reaches nobody. Nothing can be opened until power_on().
  void crash() {
    crash_and_keep([] { return false; });
  }

  /// The same, but of the writes that were not synced some reached the disk all the same, in no
  /// order, as the seed decides.
  void crash_keeping_some(std::uint64_t seed) {
    auto state = seed * 0x9e3779b97f4a7c15ULL | 1;
    crash_and_keep([&state] {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      return (state >> 33) % 2 == 0;
    });
  }

  /// Behind a crash, when all that was open before it is closed.
  void power_on() {
    is_down_ = false;
  }

  /// While set, writes that would lengthen a file answer "disk full".
  void set_full(bool full) {
    full_ = full;
  }

  /// While set, every sync answers an I/O error.
  void set_sync_fails(bool fails) {
    sync_fails_ = fails;
  }

  /// While set, syncs answer that all is well and do nothing.
  void set_sync_lies(bool lies) {
    sync_lies_ = lies;
  }

  /// While set, every write answers an I/O error.
  void set_write_fails(bool fails) {
    write_fails_ = fails;
  }

  int syncs() const {
    return syncs_;
  }

  int writes() const {
    return writes_;
  }

  int longest_write() const {
    return longest_write_;
  }

private:
  /// A write, or with no data a truncation.
  struct change {
    std::size_t offset = 0;
    std::string data{};
    bool truncates = false;

    void apply(std::string& to) const {
      if (truncates)
        return to.resize(std::min(to.size(), offset));
      if (to.size() < offset + data.size())
        to.resize(offset + data.size());
      std::memcpy(to.data() + offset, data.data(), data.size());
    }
  };

  struct file {
    std::mutex mutex{};
    std::string now{};
    std::string synced{};
    std::vector<change> unsynced{};
    // Locks of the main file, and of the WAL's shared index.
    int shared = 0;
    const void* reserved = nullptr;
    const void* exclusive = nullptr;
    std::vector<std::unique_ptr<char[]>> index{};
    std::array<int, SQLITE_SHM_NLOCK> index_shared{};
    std::array<const void*, SQLITE_SHM_NLOCK> index_exclusive{};
  };

  struct handle {
    sqlite3_file base;
    forgetful_disk* disk;
    std::shared_ptr<file>* content;
    int lock_level;
    unsigned index_shared;
    unsigned index_exclusive;

    file& it() {
      return **content;
    }
  };

  static forgetful_disk& disk_of(sqlite3_vfs* v) {
    return *static_cast<forgetful_disk*>(v->pAppData);
  }

  static handle& of(sqlite3_file* f) {
    return *reinterpret_cast<handle*>(f);
  }

  template <class Keep>
  void crash_and_keep(Keep keep) {
    std::lock_guard guard{mutex_};
    is_down_ = true;
    for (auto& [path, kept] : files_) {
      // Perhaps nobody else has it; it must not go while it is locked.
      auto old = kept;
      std::lock_guard file_guard{old->mutex};
      auto fresh = std::make_shared<file>();
      fresh->synced = old->synced;
      for (auto& c : old->unsynced)
        if (keep())
          c.apply(fresh->synced);
      fresh->now = fresh->synced;
      kept = std::move(fresh);
    }
  }

  // -- the VFS -----------------------------------------------------------------------------------

  static int vfs_open(sqlite3_vfs* v, const char* path, sqlite3_file* out, int flags, int* got) {
    auto& disk = disk_of(v);
    auto& h = *new (out) handle{};
    std::shared_ptr<file> content;
    if (path == nullptr) {
      content = std::make_shared<file>();
    } else {
      std::lock_guard guard{disk.mutex_};
      if (disk.is_down_)
        return SQLITE_CANTOPEN;
      auto found = disk.files_.find(path);
      if (found == disk.files_.end()) {
        if ((flags & SQLITE_OPEN_CREATE) == 0)
          return SQLITE_CANTOPEN;
        found = disk.files_.emplace(path, std::make_shared<file>()).first;
      }
      content = found->second;
    }
    h.disk = &disk;
    h.content = new std::shared_ptr<file>{std::move(content)};
    h.base.pMethods = &methods();
    if (got != nullptr)
      *got = flags;
    return SQLITE_OK;
  }

  static int vfs_delete(sqlite3_vfs* v, const char* path, int) {
    std::lock_guard guard{disk_of(v).mutex_};
    // A ghost that closes the last connection deletes its WAL; the disk's own must stay.
    if (!disk_of(v).is_down_)
      disk_of(v).files_.erase(path);
    return SQLITE_OK;
  }

  static int vfs_access(sqlite3_vfs* v, const char* path, int, int* out) {
    std::lock_guard guard{disk_of(v).mutex_};
    auto found = disk_of(v).files_.find(path);
    *out = 0;
    if (found != disk_of(v).files_.end()) {
      std::lock_guard file_guard{found->second->mutex};
      *out = !found->second->now.empty();
    }
    return SQLITE_OK;
  }

  // -- files -------------------------------------------------------------------------------------

  static int file_close(sqlite3_file* f) {
    auto& h = of(f);
    file_unlock(f, SQLITE_LOCK_NONE);
    index_unmap(f, 0);
    delete h.content;
    return SQLITE_OK;
  }

  static int file_read(sqlite3_file* f, void* out, int size, sqlite3_int64 at) {
    auto& it = of(f).it();
    std::lock_guard guard{it.mutex};
    auto begin = std::min(static_cast<std::size_t>(at), it.now.size());
    auto n = std::min(static_cast<std::size_t>(size), it.now.size() - begin);
    std::memcpy(out, it.now.data() + begin, n);
    if (n == static_cast<std::size_t>(size))
      return SQLITE_OK;
    std::memset(static_cast<char*>(out) + n, 0, static_cast<std::size_t>(size) - n);
    return SQLITE_IOERR_SHORT_READ;
  }

  static int file_write(sqlite3_file* f, const void* data, int size, sqlite3_int64 at) {
    auto& h = of(f);
    auto& it = h.it();
    std::lock_guard guard{it.mutex};
    ++h.disk->writes_;
    h.disk->longest_write_ = std::max<int>(h.disk->longest_write_, size);
    if (h.disk->write_fails_)
      return SQLITE_IOERR_WRITE;
    change c{.offset = static_cast<std::size_t>(at),
             .data = {static_cast<const char*>(data), static_cast<std::size_t>(size)}};
    if (h.disk->full_ && c.offset + c.data.size() > it.now.size())
      return SQLITE_FULL;
    c.apply(it.now);
    it.unsynced.push_back(std::move(c));
    return SQLITE_OK;
  }

  static int file_truncate(sqlite3_file* f, sqlite3_int64 size) {
    auto& it = of(f).it();
    std::lock_guard guard{it.mutex};
    change c{.offset = static_cast<std::size_t>(size), .truncates = true};
    c.apply(it.now);
    it.unsynced.push_back(std::move(c));
    return SQLITE_OK;
  }

  static int file_sync(sqlite3_file* f, int) {
    auto& h = of(f);
    auto& it = h.it();
    std::lock_guard guard{it.mutex};
    ++h.disk->syncs_;
    if (h.disk->sync_fails_)
      return SQLITE_IOERR_FSYNC;
    if (h.disk->sync_lies_)
      return SQLITE_OK;
    for (auto& c : it.unsynced)
      c.apply(it.synced);
    it.unsynced.clear();
    return SQLITE_OK;
  }

  static int file_size(sqlite3_file* f, sqlite3_int64* out) {
    auto& it = of(f).it();
    std::lock_guard guard{it.mutex};
    *out = static_cast<sqlite3_int64>(it.now.size());
    return SQLITE_OK;
  }

  static int file_lock(sqlite3_file* f, int level) {
    auto& h = of(f);
    auto& it = h.it();
    std::lock_guard guard{it.mutex};
    if (h.lock_level >= level)
      return SQLITE_OK;
    auto others_write = (it.exclusive != nullptr && it.exclusive != &h);
    if (others_write
        || (level >= SQLITE_LOCK_RESERVED && it.reserved != nullptr && it.reserved != &h))
      return SQLITE_BUSY;
    if (h.lock_level == SQLITE_LOCK_NONE)
      ++it.shared;
    if (level >= SQLITE_LOCK_RESERVED)
      it.reserved = &h;
    if (level == SQLITE_LOCK_EXCLUSIVE) {
      if (it.shared > 1) {
        h.lock_level = std::max(h.lock_level, SQLITE_LOCK_RESERVED);
        return SQLITE_BUSY;
      }
      it.exclusive = &h;
    }
    h.lock_level = level;
    return SQLITE_OK;
  }

  static int file_unlock(sqlite3_file* f, int level) {
    auto& h = of(f);
    auto& it = h.it();
    std::lock_guard guard{it.mutex};
    if (h.lock_level <= level)
      return SQLITE_OK;
    if (it.exclusive == &h)
      it.exclusive = nullptr;
    if (it.reserved == &h)
      it.reserved = nullptr;
    if (level == SQLITE_LOCK_NONE)
      --it.shared;
    h.lock_level = level;
    return SQLITE_OK;
  }

  static int file_check_reserved(sqlite3_file* f, int* out) {
    auto& it = of(f).it();
    std::lock_guard guard{it.mutex};
    *out = it.reserved != nullptr;
    return SQLITE_OK;
  }

  // -- the WAL's shared index --------------------------------------------------------------------

  static int index_map(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
    auto& it = of(f).it();
    std::lock_guard guard{it.mutex};
    auto place = static_cast<std::size_t>(page);
    *out = nullptr;
    if (it.index.size() <= place && extend == 0)
      return SQLITE_OK;
    while (it.index.size() <= place)
      it.index.push_back(std::make_unique<char[]>(static_cast<std::size_t>(size)));
    *out = it.index[place].get();
    return SQLITE_OK;
  }

  static int index_lock(sqlite3_file* f, int from, int n, int flags) {
    auto& h = of(f);
    auto& it = h.it();
    std::lock_guard guard{it.mutex};
    auto exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
      for (int i = from; i < from + n; ++i)
        index_release(h, i);
      return SQLITE_OK;
    }
    for (int i = from; i < from + n; ++i) {
      auto place = static_cast<std::size_t>(i);
      auto own_share = (h.index_shared >> i & 1U) != 0 ? 1 : 0;
      auto taken = it.index_exclusive[place] != nullptr && it.index_exclusive[place] != &h;
      if (taken || (exclusive && it.index_shared[place] > own_share))
        return SQLITE_BUSY;
    }
    for (int i = from; i < from + n; ++i) {
      auto place = static_cast<std::size_t>(i);
      if (exclusive) {
        it.index_exclusive[place] = &h;
        h.index_exclusive |= 1U << i;
      } else if ((h.index_shared >> i & 1U) == 0) {
        ++it.index_shared[place];
        h.index_shared |= 1U << i;
      }
    }
    return SQLITE_OK;
  }

  static void index_release(handle& h, int i) {
    auto place = static_cast<std::size_t>(i);
    if ((h.index_exclusive >> i & 1U) != 0)
      h.it().index_exclusive[place] = nullptr;
    if ((h.index_shared >> i & 1U) != 0)
      --h.it().index_shared[place];
    h.index_exclusive &= ~(1U << i);
    h.index_shared &= ~(1U << i);
  }

  static int index_unmap(sqlite3_file* f, int) {
    auto& h = of(f);
    std::lock_guard guard{h.it().mutex};
    for (int i = 0; i < SQLITE_SHM_NLOCK; ++i)
      index_release(h, i);
    return SQLITE_OK;
  }

  static const sqlite3_io_methods& methods() {
    static const sqlite3_io_methods all{
      .iVersion = 2,
      .xClose = &file_close,
      .xRead = &file_read,
      .xWrite = &file_write,
      .xTruncate = &file_truncate,
      .xSync = &file_sync,
      .xFileSize = &file_size,
      .xLock = &file_lock,
      .xUnlock = &file_unlock,
      .xCheckReservedLock = &file_check_reserved,
      .xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; },
      .xSectorSize = [](sqlite3_file*) { return 4096; },
      .xDeviceCharacteristics = [](sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; },
      .xShmMap = &index_map,
      .xShmLock = &index_lock,
      .xShmBarrier = [](sqlite3_file*) { std::atomic_thread_fence(std::memory_order_seq_cst); },
      .xShmUnmap = &index_unmap,
      .xFetch = nullptr,
      .xUnfetch = nullptr,
    };
    return all;
  }

  const std::string name_;
  sqlite3_vfs vfs_{};
  sqlite3_vfs* under_ = nullptr;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<file>> files_;
  std::atomic<bool> is_down_ = false;
  std::atomic<bool> full_ = false;
  std::atomic<bool> sync_fails_ = false;
  std::atomic<bool> sync_lies_ = false;
  std::atomic<bool> write_fails_ = false;
  std::atomic<int> syncs_ = 0;
  std::atomic<int> writes_ = 0;
  std::atomic<int> longest_write_ = 0;
};

} // namespace reprise::test
