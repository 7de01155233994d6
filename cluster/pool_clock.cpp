#include "cluster/pool_clock.hpp"

namespace reprise::cluster {

template <class Change>
void pool_clock::change(Change what) {
  auto sooner = false;
  {
    std::lock_guard lock{mutex_};
    what();
    auto next = schedule_.empty() ? never : schedule_.begin()->first.time_since_epoch().count();
    sooner = next < next_.exchange(next, std::memory_order_acq_rel);
  }
  if (sooner && tell_)
    tell_();
}

void pool_clock::set_ordinary_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type,
                                      std::uint64_t id) {
  change([&] { super::set_ordinary_timeout(t, self, type, id); });
}

void pool_clock::set_multi_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type,
                                   std::uint64_t id) {
  change([&] { super::set_multi_timeout(t, self, type, id); });
}

void pool_clock::set_request_timeout(time_point t, caf::abstract_actor* self, caf::message_id id) {
  change([&] { super::set_request_timeout(t, self, id); });
}

void pool_clock::cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) {
  change([&] { super::cancel_ordinary_timeout(self, type); });
}

void pool_clock::cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) {
  change([&] { super::cancel_request_timeout(self, id); });
}

void pool_clock::cancel_timeouts(caf::abstract_actor* self) {
  change([&] { super::cancel_timeouts(self); });
}

void pool_clock::schedule_message(time_point t, caf::strong_actor_ptr receiver,
                                  caf::mailbox_element_ptr content) {
  change([&] { super::schedule_message(t, std::move(receiver), std::move(content)); });
}

void pool_clock::schedule_message(time_point t, caf::group target, caf::strong_actor_ptr sender,
                                  caf::message content) {
  change(
    [&] { super::schedule_message(t, std::move(target), std::move(sender), std::move(content)); });
}

void pool_clock::cancel_all() {
  change([&] { super::cancel_all(); });
}

void pool_clock::deliver() {
  auto next = next_.load(std::memory_order_acquire);
  if (next == never || next > now().time_since_epoch().count())
    return;
  change([&] { trigger_expired_timeouts(); });
}

std::optional<pool_clock::time_point> pool_clock::next() const {
  auto next = next_.load(std::memory_order_acquire);
  if (next == never)
    return std::nullopt;
  return time_point{std::chrono::steady_clock::duration{next}};
}

} // namespace reprise::cluster
