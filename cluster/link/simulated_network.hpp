#pragma once

#include "base/metrics.hpp"
#include "cluster/link/carrier.hpp"
#include "cluster/link/settings.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace reprise::link {

/// The link of a simulated world: the same protocol as on sockets (hub, connection), on wires that
/// are queues in memory. What was sent on one connection arrives in its order, sooner or later;
/// two connections know nothing of each other's order. One thread; all that happens is decided by
/// the world's clock and its chance, so that a seed lives the same life twice.
class simulated_network {
public:
  using span = std::chrono::nanoseconds;

  /// What the world gives. It runs what is given to `later` in the order of time.
  struct world {
    std::function<time_point()> now{};
    std::function<void(span, std::function<void()>)> later{};
    /// 64 bits.
    std::function<std::uint64_t()> chance{};
  };

  struct weather {
    span delay_min = std::chrono::microseconds{50};
    span delay_max = std::chrono::milliseconds{2};
    /// Of a million pieces that are sent (each of at most write_bytes), so many lose their
    /// connection.
    std::uint64_t losses = 0;
  };

  explicit simulated_network(world in);
  ~simulated_network();

  simulated_network(const simulated_network&) = delete;
  simulated_network& operator=(const simulated_network&) = delete;

  /// A process under its address, until the carrier is gone, which others see as its connections'
  /// end. This, `to` and `m` outlive it.
  std::unique_ptr<carrier> join(identity mine, const settings& with, receiver& to, metrics& m);

  void set_weather(weather now) {
    weather_ = now;
  }

  /// Nothing arrives at `to` that comes from `from`, until healed: not even that a connection ends.
  /// Then it arrives where both sides still wait for it.
  void part(const std::string& from, const std::string& to);
  void heal(const std::string& from, const std::string& to);
  /// The connections between the two are lost, and both hear it.
  void cut(const std::string& a, const std::string& b);
  /// The process does nothing, as behind SIGSTOP; its connections stand.
  void freeze(const std::string& address);
  void thaw(const std::string& address);

  /// What is on its way between all.
  std::size_t bytes_under_way() const;

private:
  class node;
  class member;
  struct line;
  using line_ptr = std::shared_ptr<line>;

  void call(node& from, std::uint64_t connection, const endpoint& to);
  void put(const line_ptr& on, std::size_t direction, std::string bytes, bool is_end);
  void arrive(const line_ptr& on, std::size_t direction);
  void arrive_all();
  void lose(const line_ptr& on);
  bool is_passable(const line& on, std::size_t direction) const;
  node* find(const std::string& address) const;
  span delay();

  const world world_;
  weather weather_;
  std::map<std::string, std::shared_ptr<node>> nodes_;
  std::list<line_ptr> lines_;
  std::set<std::pair<std::string, std::string>> parted_;
  std::set<std::string> frozen_;
};

} // namespace reprise::link
