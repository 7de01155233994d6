// Loaded before the binary's libraries: the thread that writes SQLite's file dies of an exception
// while it waits for company. Knows that thread by what it calls.
#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <stdexcept>

namespace {

thread_local bool is_writer = false;

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

/// The main thread writes, too, while it begins.
void note_writer() {
  is_writer = ::getpid() != ::syscall(SYS_gettid);
}

/// The test makes this file when the writer is to die.
bool is_time() {
  const auto* name = std::getenv("REPRISE_TEST_WRITER_DIES");
  return name != nullptr && ::access(name, F_OK) == 0;
}

} // namespace

extern "C" int fsync(int file) {
  note_writer();
  return next<int (*)(int)>("fsync")(file);
}

extern "C" int fdatasync(int file) {
  note_writer();
  return next<int (*)(int)>("fdatasync")(file);
}

extern "C" int nanosleep(const timespec* wanted, timespec* left) {
  // Nobody else waits for so short a time.
  constexpr long shortest = 1'000'000;
  if (is_writer && wanted->tv_sec == 0 && wanted->tv_nsec < shortest && is_time())
    throw std::runtime_error{"told to die"};
  return next<int (*)(const timespec*, timespec*)>("nanosleep")(wanted, left);
}
