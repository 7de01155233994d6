#include "bench/support/process.hpp"

#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace reprise::bench {

namespace {

std::string read_file(const std::string& path) {
  std::ifstream in{path};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// Started by its main thread.
std::vector<int> children(int pid) {
  std::vector<int> out;
  std::istringstream all{
    read_file("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children")};
  for (int child = 0; all >> child;)
    out.push_back(child);
  return out;
}

/// The number behind `name` in a file of /proc; 0 when it is not there.
std::uint64_t number_in(int pid, const std::string& file, const std::string& name) {
  auto text = read_file("/proc/" + std::to_string(pid) + "/" + file);
  auto at = text.find(name);
  return at == std::string::npos ? 0 : std::stoull(text.substr(at + name.size()));
}

} // namespace

double cpu_seconds(int pid) {
  auto text = read_file("/proc/" + std::to_string(pid) + "/stat");
  // The second field is the program's name in parentheses, whatever it holds; 14 to 17 are user and
  // system time of the process and of its children that have ended.
  auto behind_name = text.rfind(')');
  if (behind_name == std::string::npos)
    return 0;
  std::istringstream fields{text.substr(behind_name + 1)};
  std::string skipped;
  for (int field = 3; field < 14; ++field)
    fields >> skipped;
  double ticks = 0;
  for (int field = 14; field <= 17; ++field) {
    double value = 0;
    fields >> value;
    ticks += value;
  }
  auto seconds = ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
  for (auto child : children(pid))
    seconds += cpu_seconds(child);
  return seconds;
}

double resident_mib(int pid) {
  constexpr double kib_per_mib = 1024;
  return static_cast<double>(number_in(pid, "status", "VmRSS:")) / kib_per_mib;
}

std::uint64_t io_calls(int pid) {
  return number_in(pid, "io", "syscr:") + number_in(pid, "io", "syscw:");
}

} // namespace reprise::bench
