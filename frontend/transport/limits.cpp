#include "frontend/transport/limits.hpp"

namespace reprise::frontend {

namespace {

counter& refused(metrics& m, const char* bound) {
  return m.counter("reprise_bound_refused_total", "What a bound refused.", {{"bound", bound}});
}

gauge& used(metrics& m, const char* bound) {
  return m.gauge("reprise_bound_used", "How full a bound is.", {{"bound", bound}});
}

} // namespace

transport_meters::transport_meters(metrics& m)
  : refused_connections(refused(m, "connections")),
    refused_requests(refused(m, "request_bytes")),
    refused_headers(refused(m, "header_bytes")),
    refused_held(refused(m, "held_bytes")),
    refused_queued(refused(m, "queued_bytes")),
    refused_watches(refused(m, "health_watches")),
    connections(used(m, "connections")),
    held_bytes(used(m, "held_bytes")),
    queued_bytes(used(m, "queued_bytes")) {
}

} // namespace reprise::frontend
