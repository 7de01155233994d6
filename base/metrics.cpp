#include "base/metrics.hpp"

#include "base/ensure.hpp"

#include <algorithm>

namespace reprise {

histogram::histogram(const std::vector<double>& bounds) : bounds_(bounds) {
  ENSURE(bounds_.size() <= bounds_max, "too many buckets");
}

void histogram::observe(double x) noexcept {
  auto place = std::lower_bound(bounds_.begin(), bounds_.end(), x);
  auto bucket = static_cast<std::size_t>(place - bounds_.begin());
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(x, std::memory_order_relaxed);
}

std::uint64_t histogram::count(std::size_t bucket) const noexcept {
  return counts_[bucket].load(std::memory_order_relaxed);
}

const std::vector<double>& latency_bounds() {
  static const std::vector<double> bounds{0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                                          0.005,   0.01,   0.025,   0.05,   0.1,   0.25,
                                          0.5,     1,      2.5,     5,      10};
  return bounds;
}

const std::vector<double>& size_bounds() {
  static const std::vector<double> bounds{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096};
  return bounds;
}

metrics::series& metrics::find(std::string_view name, std::string_view help, kind what,
                               labels with) {
  auto known = std::find_if(families_.begin(), families_.end(),
                            [&](const auto& f) { return f->name == name; });
  if (known == families_.end()) {
    families_.push_back(std::make_unique<family>(
      family{.name = std::string{name}, .help = std::string{help}, .what = what, .all = {}}));
    known = std::prev(families_.end());
  }
  auto& all = (*known)->all;
  ENSURE((*known)->what == what, "a metric of this name has another type");
  auto same = [&] {
    return std::find_if(all.begin(), all.end(), [&](const auto& s) { return s->with == with; });
  };
  auto found = same();
  if (found == all.end() && all.size() >= series_max) {
    for (auto& label : with)
      label.second = "other";
    found = same();
  }
  if (found != all.end())
    return **found;
  all.push_back(std::make_unique<series>());
  all.back()->with = std::move(with);
  return *all.back();
}

counter& metrics::counter(std::string_view name, std::string_view help, labels with) {
  std::lock_guard guard{mutex_};
  auto& s = find(name, help, kind::counter, std::move(with));
  if (!s.as_counter)
    s.as_counter = std::make_unique<class counter>();
  return *s.as_counter;
}

gauge& metrics::gauge(std::string_view name, std::string_view help, labels with) {
  std::lock_guard guard{mutex_};
  auto& s = find(name, help, kind::gauge, std::move(with));
  if (!s.as_gauge)
    s.as_gauge = std::make_unique<class gauge>();
  return *s.as_gauge;
}

histogram& metrics::histogram(std::string_view name, std::string_view help,
                              const std::vector<double>& bounds, labels with) {
  std::lock_guard guard{mutex_};
  auto& s = find(name, help, kind::histogram, std::move(with));
  if (!s.as_histogram)
    s.as_histogram = std::make_unique<class histogram>(bounds);
  return *s.as_histogram;
}

void metrics::visit(const std::function<void(const family&)>& see) const {
  std::lock_guard guard{mutex_};
  for (const auto& f : families_)
    see(*f);
}

} // namespace reprise
