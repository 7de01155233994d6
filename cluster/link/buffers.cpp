#include "cluster/link/buffers.hpp"

#include "cluster/link/frame.hpp"

#include <algorithm>

namespace reprise::link {

namespace {

/// Credit is told in portions: a frame for each envelope would be as many frames again.
constexpr std::size_t portions = 4;

std::int64_t change(std::size_t bytes) noexcept {
  return static_cast<std::int64_t>(bytes);
}

} // namespace

buffers::buffers(const settings& with, std::shared_ptr<meters> counted, std::function<void()> wake)
  : counted_(std::move(counted)),
    wake_(std::move(wake)),
    send_max_(with.envelope_bytes_max),
    own_max_(with.own_answers_max) {
  for (std::size_t i = 0; i < lanes; ++i) {
    lanes_[i].bytes_max = with.lane[i].send_bytes_max;
    lanes_[i].tell_from = std::max<std::size_t>(1, with.lane[i].window_bytes / portions);
  }
}

buffers::~buffers() {
  close();
}

void buffers::wake_once(std::unique_lock<std::mutex> lock) {
  if (is_woken_ || !is_open_)
    return;
  is_woken_ = true;
  lock.unlock();
  wake_();
}

sent buffers::put(lane on, std::string envelope) {
  std::unique_lock lock{mutex_};
  auto size = envelope.size();
  if (!is_open_)
    return sent::down;
  if (size > envelope_bytes_max_)
    return sent::too_large;
  auto& l = of(on);
  if (l.held != 0 && l.held + charge(size) > l.bytes_max) {
    l.was_refused = true;
    counted_->full[index(on)]->add();
    return sent::full;
  }
  l.waiting.push_back({.bytes = std::move(envelope)});
  l.held += charge(size);
  counted_->held_to_send.add(change(charge(size)));
  wake_once(std::move(lock));
  return sent::taken;
}

bool buffers::put_own(lane on, std::string envelope) {
  std::unique_lock lock{mutex_};
  auto& l = of(on);
  if (!is_open_)
    return true;
  if (l.own >= own_max_)
    return false;
  l.waiting.push_back({.bytes = std::move(envelope), .is_own = true});
  ++l.own;
  wake_once(std::move(lock));
  return true;
}

void buffers::consume(lane on, std::size_t charged) {
  counted_->held_received.add(-change(charged));
  std::unique_lock lock{mutex_};
  auto& l = of(on);
  l.consumed += charged;
  if (l.consumed >= l.tell_from)
    wake_once(std::move(lock));
}

std::size_t buffers::held(lane on) const {
  std::lock_guard lock{mutex_};
  return lanes_[index(on)].held;
}

void buffers::open(std::size_t envelope_bytes_max) {
  std::lock_guard lock{mutex_};
  envelope_bytes_max_ = std::min(envelope_bytes_max, send_max_);
  is_open_ = true;
}

void buffers::close() {
  std::lock_guard lock{mutex_};
  is_open_ = false;
  for (auto& l : lanes_) {
    counted_->held_to_send.add(-change(l.held));
    l.held = 0;
    l.own = 0;
    l.waiting.clear();
  }
}

void buffers::rest() {
  std::lock_guard lock{mutex_};
  is_woken_ = false;
}

bool buffers::pop(lane on, entry& out) {
  std::lock_guard lock{mutex_};
  auto& waiting = of(on).waiting;
  if (waiting.empty())
    return false;
  out = std::move(waiting.front());
  waiting.pop_front();
  return true;
}

bool buffers::left(lane on, const entry& what) {
  std::lock_guard lock{mutex_};
  auto& l = of(on);
  counted_->sent[index(on)]->add();
  if (what.is_own) {
    l.own -= l.own > 0 ? 1 : 0;
    return false;
  }
  auto charged = std::min(l.held, charge(what.bytes.size()));
  l.held -= charged;
  counted_->held_to_send.add(-change(charged));
  return l.held <= l.bytes_max / 2 && std::exchange(l.was_refused, false);
}

std::size_t buffers::take_consumed(lane on) {
  std::lock_guard lock{mutex_};
  auto& l = of(on);
  return l.consumed < l.tell_from ? 0 : std::exchange(l.consumed, 0);
}

} // namespace reprise::link
