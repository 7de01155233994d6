#include "cluster/metrics_exporter.hpp"

#include "base/ensure.hpp"
#include "base/log.hpp"

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <prometheus/metric_family.h>

#include <exception>
#include <limits>
#include <vector>

namespace reprise::cluster {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric::Histogram read_histogram(const histogram& h) {
  ClientMetric::Histogram out;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i <= h.bounds().size(); ++i) {
    total += h.count(i);
    auto bound = i < h.bounds().size() ? h.bounds()[i] : std::numeric_limits<double>::infinity();
    out.bucket.push_back({.cumulative_count = total, .upper_bound = bound});
  }
  out.sample_count = total;
  out.sample_sum = h.sum();
  return out;
}

ClientMetric read_series(const metrics::series& s) {
  ClientMetric out;
  for (const auto& [name, value] : s.with)
    out.label.push_back({.name = name, .value = value});
  if (s.as_counter)
    out.counter.value = static_cast<double>(s.as_counter->value());
  if (s.as_gauge)
    out.gauge.value = static_cast<double>(s.as_gauge->value());
  if (s.as_histogram)
    out.histogram = read_histogram(*s.as_histogram);
  return out;
}

MetricType type_of(metrics::kind k) {
  switch (k) {
    case metrics::kind::counter:
      return MetricType::Counter;
    case metrics::kind::gauge:
      return MetricType::Gauge;
    case metrics::kind::histogram:
      return MetricType::Histogram;
  }
  return MetricType::Untyped;
}

class all_metrics final : public prometheus::Collectable {
public:
  explicit all_metrics(const metrics& what) : what_(what) {
  }

  /// Called by the library's threads, where nothing may be thrown: what cannot be told now is told
  /// when it is asked for again.
  std::vector<MetricFamily> Collect() const override {
    try {
      return collect();
    } catch (...) {
      log_thrown(log_level::error, "metrics could not be told");
      return {};
    }
  }

private:
  std::vector<MetricFamily> collect() const {
    std::vector<MetricFamily> out;
    what_.visit([&out](const metrics::family& f) {
      MetricFamily family;
      family.name = f.name;
      family.help = f.help;
      family.type = type_of(f.what);
      for (const auto& s : f.all)
        family.metric.push_back(read_series(*s));
      out.push_back(std::move(family));
    });
    return out;
  }

  const metrics& what_;
};

class exporter final : public metrics_exporter {
public:
  exporter(const metrics& what, const std::string& address)
    : exposer_(address, threads), shown_(std::make_shared<all_metrics>(what)) {
    exposer_.RegisterCollectable(shown_);
  }

  int port() const override {
    auto ports = exposer_.GetListeningPorts();
    return ports.empty() ? 0 : ports.front();
  }

private:
  static constexpr std::size_t threads = 2;

  prometheus::Exposer exposer_;
  std::shared_ptr<all_metrics> shown_;
};

} // namespace

result<std::unique_ptr<metrics_exporter>>
metrics_exporter::start(const metrics& what, const std::vector<std::string>& addresses, int port) {
  ENSURE(!addresses.empty(), "metrics are served somewhere");
  std::string all;
  for (const auto& address : addresses) {
    // Two addresses would get two ports.
    if (port == 0 && !all.empty())
      break;
    all += (all.empty() ? "" : ",") + address + ":" + std::to_string(port);
  }
  // A free port may be somebody else's by the time when it is listened on.
  const int tries = port == 0 ? 20 : 1;
  for (int i = 0; i < tries; ++i) {
    try {
      return std::unique_ptr<metrics_exporter>{std::make_unique<exporter>(what, all)};
    } catch (const std::exception&) {
      // The library does not say why.
    }
  }
  return make_error(errc::unavailable,
                    "cannot listen on " + all + " for metrics; choose another --metrics-port");
}

} // namespace reprise::cluster
