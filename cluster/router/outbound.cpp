#include "cluster/router/outbound.hpp"

#include <utility>

namespace reprise::cluster {

namespace {

/// What is larger goes where others do not wait for it.
constexpr std::size_t bulk_bytes = 64U << 10;

/// Only answers may overtake each other: calls of one sender keep their order.
link::lane lane_of(const routed::Routed& what, std::size_t bytes) {
  return what.has_answer() && bytes > bulk_bytes ? link::lane::bulk : link::lane::control;
}

} // namespace

std::uint32_t envelope_kind(const routed::Routed& what) {
  return static_cast<std::uint32_t>(what.what_case());
}

outbound::result outbound::send(link::incarnation to, const routed::Routed& what) {
  if (!is_up(to) || carrier_ == nullptr)
    return result::down;
  link::Envelope envelope;
  envelope.set_kind(envelope_kind(what));
  if (!what.SerializeToString(envelope.mutable_content()))
    return result::refused;
  auto bytes = envelope.content().size();
  auto on = lane_of(what, bytes);
  auto& waits = waiting_[to];
  auto& queue = waits.lanes[link::index(on)];
  auto sent = queue.empty() ? carrier_->send(to, on, envelope) : link::sent::full;
  switch (sent) {
    case link::sent::taken:
      return result::taken;
    case link::sent::down:
      return result::down;
    case link::sent::too_large:
      return result::refused;
    case link::sent::full:
      break;
  }
  if (waits.bytes + bytes > waiting_bytes_max_)
    return result::refused;
  waits.bytes += bytes;
  queue.push_back(std::move(envelope));
  return result::taken;
}

void outbound::on_down(link::incarnation who) {
  up_.erase(who);
  waiting_.erase(who);
}

void outbound::on_room(link::incarnation who, link::lane on) {
  auto found = waiting_.find(who);
  if (found == waiting_.end() || carrier_ == nullptr)
    return;
  auto& waits = found->second;
  auto& queue = waits.lanes[link::index(on)];
  while (!queue.empty() && carrier_->send(who, on, queue.front()) == link::sent::taken) {
    waits.bytes -= queue.front().content().size();
    queue.pop_front();
  }
}

} // namespace reprise::cluster
