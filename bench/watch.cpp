// What an idle server costs: processor time, reads and writes it asks the kernel for, and memory,
// over some seconds in which nobody calls it.
//
//   bench_watch --pid PID --name NAME [--seconds S] [--figures FILE]
#include "bench/support/figures.hpp"
#include "bench/support/process.hpp"

#include <CLI/CLI.hpp>
#include <thread>

int main(int argc, char** argv) {
  using namespace reprise::bench;
  int pid = 0;
  double seconds = 10;
  std::string name;
  std::string file;
  CLI::App app{"The cost of an idle process"};
  app.add_option("--pid", pid)->required();
  app.add_option("--name", name, "What the figures' names begin with")->required();
  app.add_option("--seconds", seconds)->check(CLI::PositiveNumber);
  app.add_option("--figures", file, "File to append the figures to");
  CLI11_PARSE(app, argc, argv);
  auto begin = wall_clock::now();
  auto cpu = cpu_seconds(pid);
  auto calls = io_calls(pid);
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  auto took = seconds_since(begin);
  figures out{file};
  out.add(name + ".cpu_percent", (cpu_seconds(pid) - cpu) / took * 100);
  out.add(name + ".io_calls", static_cast<double>(io_calls(pid) - calls));
  out.add(name + ".resident_mib", resident_mib(pid));
  if (resident_mib(pid) == 0)
    fail("watch: process " + std::to_string(pid) + " is gone");
  return 0;
}
