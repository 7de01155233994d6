#include "cluster/link/meters.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string>

namespace reprise::link {

namespace {

constexpr std::array<const char*, lanes> lane_names{"control", "bulk"};

counter& passed(metrics& m, const char* name, const char* help, const char* direction) {
  return m.counter(name, help, {{"direction", direction}});
}

gauge& held(metrics& m, const char* what) {
  return m.gauge("reprise_link_held_bytes",
                 "Bytes of envelopes that wait to be sent, or that were received and are in use.",
                 {{"what", what}});
}

std::string lower(const std::string& text) {
  std::string out;
  std::ranges::transform(text, std::back_inserter(out),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

} // namespace

meters::meters(metrics& m)
  : peers(m.gauge("reprise_link_peers", "Nodes and clients that are connected.")),
    ups(m.counter("reprise_link_ups_total", "Connections that came up.")),
    downs(m.counter("reprise_link_downs_total", "Of these, those that ended.")),
    unreachable(m.counter("reprise_link_unreachable_total",
                          "Connections that ended before the other side was known.")),
    refused_us(m.counter("reprise_link_refused_by_others_total",
                         "Connections that others refused to this process.")),
    bytes_sent(passed(m, "reprise_link_bytes_total", "Bytes, before TLS.", "sent")),
    bytes_received(passed(m, "reprise_link_bytes_total", "Bytes, before TLS.", "received")),
    frames_sent(passed(m, "reprise_link_frames_total", "Frames.", "sent")),
    frames_received(passed(m, "reprise_link_frames_total", "Frames.", "received")),
    unsupported(m.counter("reprise_link_unsupported_total",
                          "Envelopes of a kind that this process does not know.")),
    held_to_send(held(m, "to_send")),
    held_received(held(m, "received")) {
  for (std::size_t i = 0; i < lanes; ++i) {
    auto envelopes = [&](const char* direction) {
      return &m.counter("reprise_link_envelopes_total", "Envelopes.",
                        {{"direction", direction}, {"lane", lane_names[i]}});
    };
    sent[i] = envelopes("sent");
    received[i] = envelopes("received");
    full[i] = &m.counter("reprise_link_full_total",
                         "Envelopes that were not taken: what waits for their peer is too much.",
                         {{"lane", lane_names[i]}});
  }
  for (std::size_t i = 0; i < refused_.size(); ++i)
    refused_[i]
      = &m.counter("reprise_link_refused_total", "Connections that this process refused, by why.",
                   {{"reason", lower(Farewell::Reason_Name(static_cast<Farewell::Reason>(i)))}});
}

counter& meters::refused(Farewell::Reason why) const noexcept {
  auto i = static_cast<std::size_t>(why);
  return *refused_[i < refused_.size() ? i : 0];
}

} // namespace reprise::link
