#include "bench/support/figures.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>

namespace reprise::bench {

double seconds_since(wall_clock::time_point begin) {
  return std::chrono::duration<double>(wall_clock::now() - begin).count();
}

double samples::percentile(double part) {
  if (values_.empty())
    return 0;
  auto place = static_cast<std::ptrdiff_t>(static_cast<double>(values_.size() - 1) * part);
  std::nth_element(values_.begin(), values_.begin() + place, values_.end());
  return values_[static_cast<std::size_t>(place)];
}

void figures::add(const std::string& name, double value) {
  std::printf("%-40s %14.4f\n", name.c_str(), value);
  std::fflush(stdout);
  if (path_.empty())
    return;
  std::ofstream out{path_, std::ios::app};
  out.precision(std::numeric_limits<double>::max_digits10);
  out << name << ' ' << value << '\n';
  if (!out.flush())
    fail("cannot write to " + path_);
}

void figures::add_latency(const std::string& name, samples& taken) {
  add(name + ".p50_ms", taken.percentile(0.5));
  add(name + ".p99_ms", taken.percentile(0.99));
}

void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

} // namespace reprise::bench
