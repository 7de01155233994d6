#include "cluster/http_port.hpp"

#include "base/ensure.hpp"
#include "base/log.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <civetweb.h>
#include <zlib.h>

#include <array>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

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

std::string text_of(const metrics& all) {
  std::vector<MetricFamily> families;
  all.visit([&families](const metrics::family& f) {
    MetricFamily family;
    family.name = f.name;
    family.help = f.help;
    family.type = type_of(f.what);
    for (const auto& s : f.all)
      family.metric.push_back(read_series(*s));
    families.push_back(std::move(family));
  });
  return prometheus::TextSerializer{}.Serialize(families);
}

/// Nothing when it cannot be packed now.
std::optional<std::string> gzipped(const std::string& text) {
  constexpr int gzip_window = 15 + 16;
  constexpr int memory_level = 8;
  z_stream z{};
  if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, gzip_window, memory_level, Z_DEFAULT_STRATEGY)
      != Z_OK)
    return std::nullopt;
  std::string out(deflateBound(&z, text.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  auto whole = deflate(&z, Z_FINISH) == Z_STREAM_END;
  out.resize(z.total_out);
  deflateEnd(&z);
  return whole ? std::optional{std::move(out)} : std::nullopt;
}

bool takes_gzip(const mg_connection* caller) {
  const auto* said = mg_get_header(caller, "Accept-Encoding");
  return said != nullptr && std::string_view{said}.find("gzip") != std::string_view::npos;
}

struct answer {
  std::string_view status = "200 OK";
  std::string body{};
  std::string_view more{};
};

void send(mg_connection* caller, const answer& a) {
  std::string out{"HTTP/1.1 "};
  out.append(a.status)
    .append("\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ")
    .append(std::to_string(a.body.size()))
    .append("\r\nCache-Control: no-store\r\nConnection: close\r\n")
    .append(a.more)
    .append("\r\n");
  if (mg_get_request_info(caller)->request_method != std::string_view{"HEAD"})
    out += a.body;
  // Who is gone asks again.
  mg_write(caller, out.data(), out.size());
}

class civetweb_port final : public http_port {
public:
  civetweb_port(const metrics& measured, const probes& state, const http_port_bounds& bounds)
    : measured_(measured), state_(state), bounds_(bounds) {
    static const auto initialised = mg_init_library(MG_FEATURES_DEFAULT);
    static_cast<void>(initialised);
  }

  /// False when it cannot be had; the library does not say why.
  bool listen(const std::string& addresses) {
    // Who connects and says nothing holds a thread for that long, and probes wait for one.
    auto callers = std::to_string(bounds_.callers_max);
    auto silence = std::to_string(bounds_.silence_max.count());
    const std::array<const char*, 7> options{
      "listening_ports",    addresses.c_str(), "num_threads", callers.c_str(),
      "request_timeout_ms", silence.c_str(),   nullptr};
    const mg_callbacks none{};
    context_.reset(mg_start(&none, nullptr, const_cast<const char**>(options.data())));
    if (!context_)
      return false;
    for (auto& p : pages_)
      mg_set_request_handler(context_.get(), p.path, &civetweb_port::handle, &p);
    return true;
  }

  int port() const override {
    mg_server_port first{};
    return mg_get_server_ports(context_.get(), 1, &first) > 0 ? first.port : 0;
  }

private:
  struct page {
    /// As the library matches it: with the $, this and nothing longer.
    const char* path;
    civetweb_port* owner;
    answer (civetweb_port::*tell)(const mg_connection*) const;
  };

  /// Called by the library's threads, where nothing may be thrown: what cannot be told now is told
  /// when it is asked for again.
  static int handle(mg_connection* caller, void* data) noexcept try {
    const auto& p = *static_cast<page*>(data);
    std::string_view method = mg_get_request_info(caller)->request_method;
    if (method == "GET" || method == "HEAD")
      send(caller, (p.owner->*p.tell)(caller));
    else
      send(caller, {.status = "405 Method Not Allowed",
                    .body = "ask by GET\n",
                    .more = "Allow: GET, HEAD\r\n"});
    return 1;
  } catch (...) {
    log_thrown(log_level::error, "a page could not be told");
    return 1;
  }

  answer tell_metrics(const mg_connection* caller) const {
    answer out{.body = text_of(measured_)};
    if (!takes_gzip(caller))
      return out;
    if (auto packed = gzipped(out.body)) {
      out.body = std::move(*packed);
      out.more = "Content-Encoding: gzip\r\n";
    }
    return out;
  }

  template <probes::kind Kind>
  answer tell_probe(const mg_connection*) const {
    if (auto why = state_.why_not(Kind))
      return {.status = "503 Service Unavailable", .body = *why + "\n"};
    return {.body = "ok\n"};
  }

  const metrics& measured_;
  const probes& state_;
  const http_port_bounds bounds_;
  std::array<page, 4> pages_{{
    {"/metrics$", this, &civetweb_port::tell_metrics},
    {"/livez$", this, &civetweb_port::tell_probe<probes::kind::alive>},
    {"/startupz$", this, &civetweb_port::tell_probe<probes::kind::started>},
    {"/readyz$", this, &civetweb_port::tell_probe<probes::kind::ready>},
  }};
  std::unique_ptr<mg_context, decltype([](mg_context* c) { mg_stop(c); })> context_;
};

} // namespace

result<std::unique_ptr<http_port>> http_port::start(const metrics& measured, const probes& state,
                                                    const std::vector<std::string>& addresses,
                                                    int port, const http_port_bounds& bounds) {
  ENSURE(!addresses.empty(), "metrics are served somewhere");
  std::string all;
  for (const auto& address : addresses) {
    // Two addresses would get two ports.
    if (port == 0 && !all.empty())
      break;
    all += (all.empty() ? "" : ",") + address + ":" + std::to_string(port);
  }
  auto made = std::make_unique<civetweb_port>(measured, state, bounds);
  // A free port may be somebody else's by the time when it is listened on.
  const int tries = port == 0 ? 20 : 1;
  for (int i = 0; i < tries; ++i)
    if (made->listen(all))
      return std::unique_ptr<http_port>{std::move(made)};
  return make_error(errc::unavailable,
                    "cannot listen on " + all + " for metrics; choose another --metrics-port");
}

} // namespace reprise::cluster
