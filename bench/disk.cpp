// What the disk needs for the least that a commit needs; the reference for everything that waits
// for one.
//
//   bench_disk --folder PATH [--figures FILE]
#include "bench/support/disk.hpp"

#include <CLI/CLI.hpp>

int main(int argc, char** argv) {
  using namespace reprise::bench;
  std::string folder;
  std::string file;
  CLI::App app{"The time of an fsync"};
  app.add_option("--folder", folder, "On the disk to probe")
    ->required()
    ->check(CLI::ExistingDirectory);
  app.add_option("--figures", file, "File to append the figures to");
  CLI11_PARSE(app, argc, argv);
  auto taken = probe_fsync(folder);
  figures{file}.add_latency("disk.fsync", taken);
  return 0;
}
