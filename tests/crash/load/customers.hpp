#pragma once

#include "base/ids.hpp"
#include "tests/crash/load/ledger.hpp"
#include "tests/crash/load/transport.hpp"

#include <condition_variable>
#include <functional>
#include <queue>
#include <stop_token>
#include <thread>

namespace reprise::crash {

/// Starts orders, signals them, reads their histories until they are finished, and keeps a number
/// of them in flight. Every call is repeated, with the same request id, until the server has said
/// something definite. Threads of its own until it is destroyed.
class customers {
public:
  struct options {
    std::uint64_t seed = 0;
    std::size_t in_flight = 300;
    std::size_t threads = 8;
  };

  customers(transport& to, ledger& book, options how);
  ~customers();
  customers(const customers&) = delete;
  customers& operator=(const customers&) = delete;

  /// No new orders from now on.
  void close();

private:
  using moment = std::chrono::steady_clock::time_point;

  struct job {
    moment at{};
    std::function<void()> run{};

    bool operator<(const job& other) const {
      return at > other.at;
    }
  };

  void serve(const std::stop_token& stop);
  void after(std::chrono::milliseconds wait, std::function<void()> run);
  std::uint64_t random();
  void begin_order();
  void start(const order_plan& plan);
  result<std::string> call_start(const order_plan& plan);
  void plan_signals(const order_plan& plan);
  void signal(const order_plan& plan, int number, bool repeats);
  void look(const order_plan& plan);

  transport& to_;
  ledger& book_;
  const options how_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::priority_queue<job> jobs_;
  bool closed_ = false;
  std::uint64_t last_number_ = 0;
  seeded_ids random_;
  std::vector<std::jthread> threads_;
};

/// A finished order's or an open one's whole history, as it is now.
result<std::vector<history_event>> read_order(transport& to, const order_plan& plan);

} // namespace reprise::crash
