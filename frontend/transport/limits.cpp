#include "frontend/transport/limits.hpp"

#include "actors/node/bound_hooks.hpp"

namespace reprise::frontend {

using actors::refused_of;
using actors::used_of;

transport_meters::transport_meters(metrics& m)
  : refused_connections(refused_of(m, "connections")),
    refused_requests(refused_of(m, "request_bytes")),
    refused_headers(refused_of(m, "header_bytes")),
    refused_held(refused_of(m, "held_bytes")),
    refused_queued(refused_of(m, "queued_bytes")),
    refused_watches(refused_of(m, "health_watches")),
    failed_tls(m.counter("reprise_tls_failures_total",
                         "Connections that ended because of their TLS: no certificate that fits, "
                         "another protocol, a handshake that broke")),
    connections(used_of(m, "connections")),
    held_bytes(used_of(m, "held_bytes")),
    queued_bytes(used_of(m, "queued_bytes")) {
}

} // namespace reprise::frontend
