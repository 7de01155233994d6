#include "store/sqlite/gathering_vfs.hpp"

#include <atomic>
#include <new>

namespace reprise::store::sqlite {

namespace {

/// What is written at once at most: SQLite's own files take less than 128 KiB. Larger transactions
/// go out in several parts, of which the last holds the frame that makes them valid.
constexpr std::size_t gathered_max = (std::size_t{128} << 10) - 1;

/// A WAL as SQLite has it open; the file of the VFS below lies behind it in the same memory.
struct wal_file {
  sqlite3_file base{};
  /// Bytes that stand at `begin` in the file, once they are written.
  std::string gathered{};
  sqlite3_int64 begin = 0;
};

constexpr std::size_t below_at = sizeof(wal_file);
static_assert(below_at % 8 == 0, "SQLite's memory is aligned so, and files expect it");

wal_file& of(sqlite3_file* f) {
  return *reinterpret_cast<wal_file*>(f);
}

sqlite3_file* below(sqlite3_file* f) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(f) + below_at);
}

/// A failure is the answer to whatever call came to write the bytes. They are dropped then, and
/// SQLite rolls their transaction back.
int write_gathered(sqlite3_file* f) {
  auto& wal = of(f);
  if (wal.gathered.empty())
    return SQLITE_OK;
  auto answer = below(f)->pMethods->xWrite(below(f), wal.gathered.data(),
                                           static_cast<int>(wal.gathered.size()), wal.begin);
  wal.gathered.clear();
  return answer;
}

int wal_write(sqlite3_file* f, const void* data, int size, sqlite3_int64 at) {
  auto& wal = of(f);
  auto n = static_cast<std::size_t>(size);
  auto is_next = at == wal.begin + static_cast<sqlite3_int64>(wal.gathered.size());
  if (!is_next || wal.gathered.size() + n > gathered_max) {
    if (auto answer = write_gathered(f); answer != SQLITE_OK)
      return answer;
    wal.begin = at;
  }
  try {
    wal.gathered.append(static_cast<const char*>(data), n);
  } catch (const std::bad_alloc&) {
    return SQLITE_IOERR_NOMEM;
  }
  return SQLITE_OK;
}

/// Runs a method of the file below once everything is in it.
template <class Method, class... Args>
int written_first(Method sqlite3_io_methods::* method, sqlite3_file* f, Args... args) {
  if (auto answer = write_gathered(f); answer != SQLITE_OK)
    return answer;
  return (below(f)->pMethods->*method)(below(f), args...);
}

int wal_close(sqlite3_file* f) {
  // What was not synced was promised to nobody.
  static_cast<void>(write_gathered(f));
  auto answer = below(f)->pMethods->xClose(below(f));
  of(f).~wal_file();
  return answer;
}

int wal_read(sqlite3_file* f, void* out, int size, sqlite3_int64 at) {
  return written_first(&sqlite3_io_methods::xRead, f, out, size, at);
}

int wal_truncate(sqlite3_file* f, sqlite3_int64 size) {
  return written_first(&sqlite3_io_methods::xTruncate, f, size);
}

int wal_sync(sqlite3_file* f, int flags) {
  return written_first(&sqlite3_io_methods::xSync, f, flags);
}

int wal_size(sqlite3_file* f, sqlite3_int64* out) {
  return written_first(&sqlite3_io_methods::xFileSize, f, out);
}

/// The methods that have nothing to do with what lies in the file.
const sqlite3_io_methods& wal_methods() {
  static const sqlite3_io_methods all{
    .iVersion = 1,
    .xClose = &wal_close,
    .xRead = &wal_read,
    .xWrite = &wal_write,
    .xTruncate = &wal_truncate,
    .xSync = &wal_sync,
    .xFileSize = &wal_size,
    .xLock = [](sqlite3_file* f, int level) { return below(f)->pMethods->xLock(below(f), level); },
    .xUnlock = [](sqlite3_file* f,
                  int level) { return below(f)->pMethods->xUnlock(below(f), level); },
    .xCheckReservedLock
    = [](sqlite3_file* f,
         int* out) { return below(f)->pMethods->xCheckReservedLock(below(f), out); },
    .xFileControl
    = [](sqlite3_file* f, int what,
         void* argument) { return below(f)->pMethods->xFileControl(below(f), what, argument); },
    .xSectorSize = [](sqlite3_file* f) { return below(f)->pMethods->xSectorSize(below(f)); },
    .xDeviceCharacteristics
    = [](sqlite3_file* f) { return below(f)->pMethods->xDeviceCharacteristics(below(f)); },
    .xShmMap = nullptr,
    .xShmLock = nullptr,
    .xShmBarrier = nullptr,
    .xShmUnmap = nullptr,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
  };
  return all;
}

sqlite3_vfs* below(sqlite3_vfs* v) {
  return static_cast<sqlite3_vfs*>(v->pAppData);
}

int open_file(sqlite3_vfs* v, const char* path, sqlite3_file* f, int flags, int* got) {
  if ((flags & SQLITE_OPEN_WAL) == 0)
    return below(v)->xOpen(below(v), path, f, flags, got);
  // A file whose methods are not set is one that SQLite does not close.
  f->pMethods = nullptr;
  below(f)->pMethods = nullptr;
  if (auto answer = below(v)->xOpen(below(v), path, below(f), flags, got); answer != SQLITE_OK) {
    if (below(f)->pMethods != nullptr)
      below(f)->pMethods->xClose(below(f));
    return answer;
  }
  new (f) wal_file{};
  f->pMethods = &wal_methods();
  return SQLITE_OK;
}

/// Everything that is not about an open file goes to the VFS below.
void forward_all(sqlite3_vfs& v) {
  v.xOpen = &open_file;
  v.xDelete = [](sqlite3_vfs* o, const char* path, int sync) {
    return below(o)->xDelete(below(o), path, sync);
  };
  v.xAccess = [](sqlite3_vfs* o, const char* path, int flags, int* out) {
    return below(o)->xAccess(below(o), path, flags, out);
  };
  v.xFullPathname = [](sqlite3_vfs* o, const char* path, int size, char* out) {
    return below(o)->xFullPathname(below(o), path, size, out);
  };
  v.xRandomness = [](sqlite3_vfs* o, int n, char* out) {
    return below(o)->xRandomness(below(o), n, out);
  };
  v.xSleep = [](sqlite3_vfs* o, int us) { return below(o)->xSleep(below(o), us); };
  v.xCurrentTime = [](sqlite3_vfs* o, double* out) {
    return below(o)->xCurrentTime(below(o), out);
  };
  v.xGetLastError = [](sqlite3_vfs* o, int n, char* out) {
    return below(o)->xGetLastError(below(o), n, out);
  };
  v.xCurrentTimeInt64 = [](sqlite3_vfs* o, sqlite3_int64* out) {
    return below(o)->xCurrentTimeInt64(below(o), out);
  };
}

std::string next_name() {
  static std::atomic<int> last = 0;
  return "reprise-gathering-" + std::to_string(++last);
}

} // namespace

gathering_vfs::gathering_vfs(const std::string& below) : name_(next_name()) {
  auto under = sqlite3_vfs_find(below.empty() ? nullptr : below.c_str());
  if (under == nullptr)
    return;
  // Version 2 is what it calls of the VFS below, which may have more.
  vfs_.iVersion = 2;
  vfs_.szOsFile = static_cast<int>(below_at) + under->szOsFile;
  vfs_.mxPathname = under->mxPathname;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = under;
  forward_all(vfs_);
  sqlite3_vfs_register(&vfs_, 0);
}

gathering_vfs::~gathering_vfs() {
  sqlite3_vfs_unregister(&vfs_);
}

} // namespace reprise::store::sqlite
