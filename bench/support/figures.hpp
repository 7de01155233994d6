#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace reprise::bench {

using wall_clock = std::chrono::steady_clock;

double seconds_since(wall_clock::time_point begin);

/// Durations in milliseconds, and what lies at their percentiles.
class samples {
public:
  void add(double ms) {
    values_.push_back(ms);
  }

  void add_all(const samples& other) {
    values_.insert(values_.end(), other.values_.begin(), other.values_.end());
  }

  std::size_t size() const noexcept {
    return values_.size();
  }

  /// `part` in [0, 1]; 0 when there is no sample.
  double percentile(double part);

private:
  std::vector<double> values_{};
};

/// What a program measured: named numbers, appended line by line to the file that the table is made
/// of (bench/table.py), and printed as they come. Without a file they are only printed.
class figures {
public:
  explicit figures(std::string path) : path_(std::move(path)) {
  }

  void add(const std::string& name, double value);
  /// NAME.p50_ms and NAME.p99_ms.
  void add_latency(const std::string& name, samples& taken);

private:
  std::string path_;
};

/// Ends the program with a sentence.
[[noreturn]] void fail(const std::string& what);

} // namespace reprise::bench
