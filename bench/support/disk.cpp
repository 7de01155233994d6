#include "bench/support/disk.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

namespace reprise::bench {

samples probe_fsync(const std::string& folder, int times) {
  constexpr std::size_t bytes = 16'384;
  auto path = folder + "/fsync-probe-" + std::to_string(getpid());
  auto file = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0)
    fail("cannot write to " + folder);
  std::string page(bytes, 'x');
  samples out;
  for (int i = 0; i < times; ++i) {
    auto begin = wall_clock::now();
    if (write(file, page.data(), page.size()) < 0 || fdatasync(file) != 0)
      fail("the disk under " + folder + " refuses to sync");
    out.add(seconds_since(begin) * 1e3);
  }
  close(file);
  std::filesystem::remove(path);
  return out;
}

} // namespace reprise::bench
