#pragma once

#include "cluster/worker_pool.hpp"
#include "frontend/service.hpp"
#include "frontend/transport/connection.hpp"
#include "frontend/transport/limits.hpp"
#include "frontend/transport/socket.hpp"

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace reprise::frontend {

/// Finds routes by path without making a string of it.
struct path_hash {
  using is_transparent = void;

  std::size_t operator()(std::string_view path) const noexcept {
    return std::hash<std::string_view>{}(path);
  }
};

using route_table = std::unordered_map<std::string, route, path_hash, std::equal_to<>>;

/// Where a worker of the actors' pool waits: reads calls from its connections, has them served, and
/// writes the answers, those included that other threads give: by one thread at a time, so that a
/// connection has no lock, and what was answered together goes out together.
class transport_loop final : public cluster::event_source {
public:
  /// Takes a connection that was accepted; told by the loop that has the listening sockets.
  using distribute = std::function<void(file_descriptor)>;

  /// `front`, the side services in `routes` and `meters` outlive the loop.
  transport_loop(service& front, route_table routes, const transport_settings& settings,
                 transport_meters& meters);
  ~transport_loop() override;

  transport_loop(const transport_loop&) = delete;
  transport_loop& operator=(const transport_loop&) = delete;

  /// Before somebody waits here: takes connections from these sockets and hands them on.
  void listen(std::vector<file_descriptor> sockets, distribute hand_on);
  /// Any thread: serves this connection from now on.
  void adopt(file_descriptor socket);
  /// Any thread: has `job` run on the loop's thread.
  void run_soon(std::function<void()> job);

  /// Connections it has or will have. Any thread.
  std::size_t load() const noexcept {
    return load_.load(std::memory_order_relaxed);
  }

  void settle() override;
  void wait(std::optional<time_point> until) override;
  void handle() override;
  void wake() override;

  /// Any thread: takes no more connections, and lets those that are there end their calls.
  void drain();
  /// Any thread: ends what is still there.
  void cut();
  /// Whether, within `patience`, the last connection was closed and the last call was over. Not
  /// from the loop's thread.
  bool wait_until_idle(std::optional<std::chrono::milliseconds> patience);

  // For its connections, on its thread.

  service& front() noexcept {
    return front_;
  }

  const connection_times& times() const noexcept {
    return settings_.times;
  }

  const transport_limits& limits() const noexcept {
    return settings_.limits;
  }

  /// Null: without TLS.
  const std::shared_ptr<tls::certificates>& certificates() const noexcept {
    return settings_.certificates;
  }

  transport_meters& meters() noexcept {
    return meters_;
  }

  /// Null: nobody has such a method.
  const route* find(std::string_view path) const;
  /// Has the connection's output sent before the loop waits.
  void flush_soon(connection& c);
  /// The same, within a few milliseconds, unless something else is sent before.
  void flush_later(connection& c);
  /// Has all connections look at the clock at this moment or soon after.
  void look_by(time_point when);
  /// Takes note of a call of the API; the handler is for its answer, from any thread.
  response_handler expect_answer(const connection& c, std::int32_t stream, const method& what);

  /// One that was expected cannot come: its call was never made.
  void forget_call() noexcept {
    --calls_;
  }

  /// Whether so many more bytes of unfinished requests may be kept.
  bool may_hold(std::size_t bytes) const noexcept;

  /// A request that is kept was `before` bytes long, and is now `after`.
  void hold(std::size_t before, std::size_t after) noexcept {
    held_ += after - before;
  }

  /// The same of the answers that a client does not read.
  void queue(std::size_t before, std::size_t after) noexcept {
    queued_ += after - before;
  }

  /// Memory for what is read and sent at one time.
  std::array<std::uint8_t, 64U << 10> read_buffer{};
  std::string write_buffer{};
  /// The same for TLS: what was read, and what is sent, on the other side of it.
  std::string plain_buffer{};
  std::string sealed_buffer{};

private:
  /// What epoll hands back: 0 for the alarm, listening sockets from 1 on, then connections.
  static constexpr std::uint64_t first_connection = 1024;

  struct answer {
    std::uint64_t connection;
    std::int32_t stream;
    const method* of;
    result<std::string> what;
  };

  static constexpr std::size_t events_max = 256;

  void watch(int descriptor, std::uint64_t id, std::uint32_t events, int operation);
  void post(answer a);
  void wake_locked();
  void handle_posted();
  void begin(file_descriptor socket);
  void accept_some(const file_descriptor& from);
  void accept_again();
  void handle(std::uint64_t id, std::uint32_t events);
  void handle(connection& c, std::uint32_t events);
  void flush_all();
  void flush(connection& c);
  void flush_late();
  void look_at_all();
  void close(connection& c);
  /// Runs `work` for a connection; what it throws ends that connection, and nothing else. False
  /// when it threw.
  template <class Work>
  bool guarded(std::uint64_t id, Work&& work) noexcept;
  bool is_wanted_locked() const;
  int milliseconds_to_sleep(std::optional<time_point> until);
  void tell_if_idle();
  void show_use();

  service& front_;
  const route_table routes_;
  const transport_settings settings_;
  transport_meters& meters_;
  file_descriptor poll_;
  file_descriptor alarm_;
  std::vector<file_descriptor> listening_;
  distribute hand_on_;
  bool is_accepting_ = false;
  std::unordered_map<std::uint64_t, std::unique_ptr<connection>> connections_;
  std::uint64_t next_id_ = first_connection;
  std::vector<std::uint64_t> unflushed_;
  /// To be flushed later, and when.
  std::vector<std::uint64_t> late_;
  std::optional<time_point> late_at_;
  std::size_t calls_ = 0;
  std::size_t held_ = 0;
  std::size_t queued_ = 0;
  /// Of these, what the meters know.
  std::size_t held_shown_ = 0;
  std::size_t queued_shown_ = 0;
  bool is_draining_ = false;
  std::optional<time_point> next_look_;
  std::atomic<std::size_t> load_{0};
  /// What the last wait found.
  std::array<epoll_event, events_max> events_{};
  std::size_t events_count_ = 0;
  /// Taken by who is in the loop; kept for their memory.
  std::vector<answer> answering_;

  std::mutex mutex_;
  std::condition_variable idle_;
  std::vector<answer> answered_;
  std::vector<std::function<void()>> jobs_;
  std::vector<file_descriptor> adopted_;
  bool is_sleeping_ = false;
  bool is_woken_ = false;
  bool is_idle_ = false;
};

} // namespace reprise::frontend
