#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reprise {

/// Only grows. Lock-free, any thread.
class counter {
public:
  void add(std::uint64_t n = 1) noexcept {
    value_.fetch_add(n, std::memory_order_relaxed);
  }

  std::uint64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

private:
  std::atomic<std::uint64_t> value_{0};
};

/// Goes up and down. Lock-free, any thread.
class gauge {
public:
  void add(std::int64_t n) noexcept {
    value_.fetch_add(n, std::memory_order_relaxed);
  }

  void set(std::int64_t n) noexcept {
    value_.store(n, std::memory_order_relaxed);
  }

  std::int64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

private:
  std::atomic<std::int64_t> value_{0};
};

/// Counts observations by size. Lock-free, any thread; a reader may see a sum that is one
/// observation ahead of the counts.
class histogram {
public:
  static constexpr std::size_t bounds_max = 24;

  /// `bounds`: upper ends, ascending, at most bounds_max; one bucket without end follows.
  explicit histogram(const std::vector<double>& bounds);

  void observe(double x) noexcept;

  const std::vector<double>& bounds() const noexcept {
    return bounds_;
  }

  /// Of one bucket alone, not cumulative; index bounds().size() is the one without end.
  std::uint64_t count(std::size_t bucket) const noexcept;

  double sum() const noexcept {
    return sum_.load(std::memory_order_relaxed);
  }

private:
  std::vector<double> bounds_;
  std::array<std::atomic<std::uint64_t>, bounds_max + 1> counts_{};
  std::atomic<double> sum_{0};
};

/// Bounds for latencies in seconds, 50 µs to 10 s.
const std::vector<double>& latency_bounds();
/// Bounds for sizes, 1 to 4096 by doubling.
const std::vector<double>& size_bounds();

using labels = std::vector<std::pair<std::string, std::string>>;

/// All metrics of one server. Handles stay valid as long as the registry; asking again with the
/// same name and labels gives the same handle, so keep handles instead of asking on a hot path.
/// Thread-safe. Labels are bounded: beyond `series_max` series of a name all new ones share the
/// series whose label values are "other".
class metrics {
public:
  static constexpr std::size_t series_max = 256;

  enum class kind : std::uint8_t {
    counter,
    gauge,
    histogram
  };

  struct series {
    labels with{};
    std::unique_ptr<class counter> as_counter{};
    std::unique_ptr<class gauge> as_gauge{};
    std::unique_ptr<class histogram> as_histogram{};
  };

  struct family {
    std::string name{};
    std::string help{};
    kind what = kind::counter;
    std::vector<std::unique_ptr<series>> all{};
  };

  class counter& counter(std::string_view name, std::string_view help, labels with = {});
  class gauge& gauge(std::string_view name, std::string_view help, labels with = {});
  /// The bounds of the first call for a name hold for all its series.
  class histogram& histogram(std::string_view name, std::string_view help,
                             const std::vector<double>& bounds, labels with = {});

  /// Shows every family, in order of registration. Registration waits meanwhile.
  void visit(const std::function<void(const family&)>& see) const;

private:
  series& find(std::string_view name, std::string_view help, kind what, labels with);

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<family>> families_;
};

} // namespace reprise
