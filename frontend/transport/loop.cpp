#include "frontend/transport/loop.hpp"

#include "base/ensure.hpp"
#include "base/log.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

namespace reprise::frontend {

namespace {

using namespace std::chrono_literals;

/// After a failure to accept a connection.
constexpr auto accept_pause = 250ms;
/// How long the answer to a ping may wait to be sent with something else. Clients written in Go
/// send one with nearly each answer that they get, to measure the connection: every second write of
/// a busy server would be for that alone.
constexpr auto ping_delay = 2ms;
constexpr int accepts_max = 64;

} // namespace

transport_loop::transport_loop(service& front, route_table routes,
                               const transport_settings& settings, transport_meters& meters)
  : front_(front),
    routes_(std::move(routes)),
    settings_(settings),
    meters_(meters),
    poll_(::epoll_create1(EPOLL_CLOEXEC)),
    alarm_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  ENSURE(poll_ && alarm_, "no file descriptors for the transport");
  watch(alarm_.get(), 0, EPOLLIN, EPOLL_CTL_ADD);
}

transport_loop::~transport_loop() {
  connections_.clear();
  show_use();
}

template <class Work>
bool transport_loop::guarded(std::uint64_t id, Work&& work) noexcept {
  try {
    work();
    return true;
  } catch (...) {
    log_thrown(log_level::error, "a connection failed");
  }
  if (auto found = connections_.find(id); found != connections_.end())
    close(*found->second);
  return false;
}

// -- any thread ----------------------------------------------------------------------------------

void transport_loop::listen(std::vector<file_descriptor> sockets, distribute hand_on) {
  listening_ = std::move(sockets);
  hand_on_ = std::move(hand_on);
  accept_again();
}

void transport_loop::adopt(file_descriptor socket) {
  load_.fetch_add(1, std::memory_order_relaxed);
  meters_.connections.add(1);
  std::lock_guard lock{mutex_};
  adopted_.push_back(std::move(socket));
  wake_locked();
}

void transport_loop::run_soon(std::function<void()> job) {
  std::lock_guard lock{mutex_};
  jobs_.push_back(std::move(job));
  wake_locked();
}

void transport_loop::post(answer a) {
  std::lock_guard lock{mutex_};
  answered_.push_back(std::move(a));
  wake_locked();
}

void transport_loop::wake() {
  std::lock_guard lock{mutex_};
  is_woken_ = true;
  wake_locked();
}

void transport_loop::wake_locked() {
  if (!is_sleeping_)
    return;
  is_sleeping_ = false;
  const std::uint64_t one = 1;
  // A full counter wakes as well.
  [[maybe_unused]] auto n = ::write(alarm_.get(), &one, sizeof one);
}

void transport_loop::drain() {
  run_soon([this] {
    is_draining_ = true;
    listening_.clear();
    for (auto& [id, c] : connections_)
      c->go_away();
  });
}

void transport_loop::cut() {
  run_soon([this] {
    std::vector<std::uint64_t> all;
    for (auto& [id, c] : connections_)
      all.push_back(id);
    for (auto id : all) {
      // What was said already is for the client to hear, as far as it takes it now.
      guarded(id, [&] { connections_.at(id)->flush(); });
      if (auto found = connections_.find(id); found != connections_.end())
        close(*found->second);
    }
  });
}

bool transport_loop::wait_until_idle(std::optional<std::chrono::milliseconds> patience) {
  std::unique_lock lock{mutex_};
  auto is_idle = [this] { return is_idle_; };
  if (patience)
    return idle_.wait_for(lock, *patience, is_idle);
  idle_.wait(lock, is_idle);
  return true;
}

// -- the loop's thread ---------------------------------------------------------------------------

void transport_loop::settle() {
  handle_posted();
  if (next_look_ && *next_look_ <= std::chrono::steady_clock::now())
    look_at_all();
  if (late_at_ && *late_at_ <= std::chrono::steady_clock::now())
    flush_late();
  flush_all();
  show_use();
  tell_if_idle();
}

void transport_loop::wait(std::optional<time_point> until) {
  auto n = ::epoll_wait(poll_.get(), events_.data(), events_max, milliseconds_to_sleep(until));
  events_count_ = n > 0 ? static_cast<std::size_t>(n) : 0;
  std::lock_guard lock{mutex_};
  is_sleeping_ = false;
  is_woken_ = false;
}

void transport_loop::handle() {
  auto count = std::exchange(events_count_, 0);
  for (std::size_t i = 0; i < count; ++i)
    handle(events_[i].data.u64, events_[i].events);
  handle_posted();
  flush_all();
}

bool transport_loop::is_wanted_locked() const {
  return is_woken_ || !answered_.empty() || !jobs_.empty() || !adopted_.empty();
}

/// From here on, others wake this thread through the alarm.
int transport_loop::milliseconds_to_sleep(std::optional<time_point> until) {
  auto wakes = until;
  for (const auto& own : {next_look_, late_at_})
    if (own)
      wakes = wakes ? std::min(*wakes, *own) : own;
  std::lock_guard lock{mutex_};
  if (is_wanted_locked())
    return 0;
  constexpr std::chrono::milliseconds longest = 1h;
  auto left = longest;
  if (wakes) {
    auto now = std::chrono::steady_clock::now();
    if (*wakes <= now)
      return 0;
    left = std::min(longest, std::chrono::ceil<std::chrono::milliseconds>(*wakes - now));
  }
  is_sleeping_ = true;
  return static_cast<int>(left.count());
}

void transport_loop::handle_posted() {
  std::vector<std::function<void()>> jobs;
  std::vector<file_descriptor> adopted;
  {
    std::lock_guard lock{mutex_};
    answering_.swap(answered_);
    jobs.swap(jobs_);
    adopted.swap(adopted_);
  }
  for (auto& socket : adopted)
    if (!guarded(0, [&] { begin(std::move(socket)); })) {
      load_.fetch_sub(1, std::memory_order_relaxed);
      meters_.connections.add(-1);
    }
  for (auto& job : jobs)
    guarded(0, job);
  calls_ -= answering_.size();
  for (auto& a : answering_) {
    auto is_there = false;
    if (auto found = connections_.find(a.connection); found != connections_.end())
      guarded(a.connection, [&] { is_there = found->second->answer(a.stream, *a.of, a.what); });
    if (!is_there && a.what)
      guarded(0, [&] {
        for (const auto& token : service::task_tokens_of(*a.of, *a.what))
          front_.give_back(token);
      });
  }
  answering_.clear();
}

void transport_loop::watch(int descriptor, std::uint64_t id, std::uint32_t events, int operation) {
  epoll_event what{.events = events, .data = {.u64 = id}};
  ::epoll_ctl(poll_.get(), operation, descriptor, &what);
}

void transport_loop::handle(std::uint64_t id, std::uint32_t events) {
  if (id == 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] auto n = ::read(alarm_.get(), &count, sizeof count);
    return;
  }
  if (id < first_connection) {
    if (id <= listening_.size())
      guarded(id, [&] { accept_some(listening_[id - 1]); });
    return;
  }
  if (auto found = connections_.find(id); found != connections_.end())
    guarded(id, [&] { handle(*found->second, events); });
}

void transport_loop::handle(connection& c, std::uint32_t events) {
  if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0
      && !c.read(std::chrono::steady_clock::now()))
    return close(c);
  if (c.may_send_later())
    flush_later(c);
  else
    flush_soon(c);
}

// -- connections ---------------------------------------------------------------------------------

void transport_loop::accept_again() {
  is_accepting_ = true;
  for (std::size_t i = 0; i < listening_.size(); ++i)
    watch(listening_[i].get(), i + 1, EPOLLIN, EPOLL_CTL_ADD);
}

void transport_loop::accept_some(const file_descriptor& from) {
  auto exhausted = false;
  for (int i = 0; i < accepts_max; ++i) {
    auto taken = accept_from(from, exhausted);
    if (!taken)
      break;
    hand_on_(std::move(taken));
  }
  if (!exhausted)
    return;
  // The socket stays ready: we would be told of it without end.
  is_accepting_ = false;
  for (std::size_t i = 0; i < listening_.size(); ++i)
    watch(listening_[i].get(), i + 1, 0, EPOLL_CTL_DEL);
  look_by(std::chrono::steady_clock::now() + accept_pause);
}

void transport_loop::begin(file_descriptor socket) {
  if (is_draining_) {
    load_.fetch_sub(1, std::memory_order_relaxed);
    meters_.connections.add(-1);
    return;
  }
  auto id = next_id_++;
  watch(socket.get(), id, EPOLLIN, EPOLL_CTL_ADD);
  auto made = std::make_unique<connection>(*this, std::move(socket), id,
                                           std::chrono::steady_clock::now());
  made->watched_for = EPOLLIN;
  look_by(made->next_look());
  flush_soon(*made);
  connections_.emplace(id, std::move(made));
}

void transport_loop::close(connection& c) {
  load_.fetch_sub(1, std::memory_order_relaxed);
  meters_.connections.add(-1);
  connections_.erase(c.id());
}

void transport_loop::flush_soon(connection& c) {
  if (std::exchange(c.is_to_be_flushed, true))
    return;
  unflushed_.push_back(c.id());
}

void transport_loop::flush_later(connection& c) {
  if (c.is_to_be_flushed || std::exchange(c.is_to_be_flushed_later, true))
    return;
  if (!late_at_)
    late_at_ = std::chrono::steady_clock::now() + ping_delay;
  late_.push_back(c.id());
}

void transport_loop::flush_late() {
  late_at_.reset();
  for (auto id : std::exchange(late_, {}))
    if (auto found = connections_.find(id); found != connections_.end()) {
      found->second->is_to_be_flushed_later = false;
      if (found->second->may_send_later())
        flush_soon(*found->second);
    }
}

void transport_loop::flush_all() {
  // What is flushed may ask to be flushed again.
  for (std::size_t i = 0; i < unflushed_.size(); ++i) {
    auto found = connections_.find(unflushed_[i]);
    if (found == connections_.end())
      continue;
    guarded(unflushed_[i], [&] { flush(*found->second); });
  }
  unflushed_.clear();
}

void transport_loop::flush(connection& c) {
  c.is_to_be_flushed = false;
  if (!c.flush())
    return close(c);
  auto wanted = (c.may_read() ? EPOLLIN : 0U) | (c.is_stuck() ? EPOLLOUT : 0U);
  if (std::exchange(c.watched_for, wanted) != wanted)
    watch(c.descriptor(), c.id(), wanted, EPOLL_CTL_MOD);
}

void transport_loop::look_by(time_point when) {
  next_look_ = next_look_ ? std::min(*next_look_, when) : when;
}

void transport_loop::look_at_all() {
  auto now = std::chrono::steady_clock::now();
  // Many connections have many moments: looks are as far apart as makes no difference to them.
  auto earliest = now + std::min(times().silence, times().idle) / 200;
  next_look_.reset();
  if (!is_accepting_ && !listening_.empty())
    accept_again();
  std::vector<connection*> ended;
  for (auto& [id, c] : connections_) {
    auto goes_on = false;
    try {
      goes_on = c->look(now);
    } catch (...) {
      log_thrown(log_level::error, "a connection failed");
    }
    if (goes_on)
      look_by(std::max(c->next_look(), earliest));
    else
      ended.push_back(c.get());
  }
  for (auto* c : ended)
    close(*c);
}

// -- calls ---------------------------------------------------------------------------------------

const route* transport_loop::find(std::string_view path) const {
  auto found = routes_.find(path);
  return found == routes_.end() ? nullptr : &found->second;
}

response_handler transport_loop::expect_answer(const connection& c, std::int32_t stream,
                                               const method& what) {
  ++calls_;
  return [this, connection = c.id(), stream, of = &what](result<std::string> given) {
    post({.connection = connection, .stream = stream, .of = of, .what = std::move(given)});
  };
}

bool transport_loop::may_hold(std::size_t bytes) const noexcept {
  return held_ + bytes <= limits().held_bytes_max;
}

void transport_loop::show_use() {
  auto show = [](gauge& to, std::size_t now, std::size_t& shown) {
    if (now != shown)
      to.add(static_cast<std::int64_t>(now) - static_cast<std::int64_t>(shown));
    shown = now;
  };
  show(meters_.held_bytes, held_, held_shown_);
  show(meters_.queued_bytes, queued_, queued_shown_);
}

void transport_loop::tell_if_idle() {
  if (!is_draining_ || !connections_.empty() || calls_ > 0)
    return;
  std::lock_guard lock{mutex_};
  is_idle_ = true;
  idle_.notify_all();
}

} // namespace reprise::frontend
