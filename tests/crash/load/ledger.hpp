#pragma once

#include "base/clock.hpp"
#include "tests/crash/load/order.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace reprise::crash {

/// What the server told its callers, order by order, to be held against what it says later.
/// Thread-safe.
class ledger {
public:
  /// An order that was found finished and right.
  struct finished_order {
    std::string run_id{};
    std::vector<std::uint64_t> digests{};
  };

  // -- what was acknowledged ---------------------------------------------------------------------

  void add(const order_plan& plan);
  /// A start, or a repeat of one: every answer has to name the same run.
  void start_acknowledged(const order_plan& plan, const std::string& run_id);
  void signal_acknowledged(const std::string& workflow_id, int number);
  /// A workflow task's completion, by its started event.
  void task_acknowledged(const std::string& workflow_id, std::int64_t started_event_id);
  /// A worker got this attempt: nobody may get it again.
  void activity_handed_out(const std::string& workflow_id, const std::string& activity_id,
                           int attempt);
  void activity_acknowledged(const std::string& workflow_id, const std::string& activity_id,
                             const std::string& result);
  /// Events from the first on, as a caller was shown them: they are history for good.
  void saw(const std::string& workflow_id, std::span<const history_event> events);
  /// Anything else that must not be.
  void wrong(std::string text);

  // -- what is checked ---------------------------------------------------------------------------

  /// Takes an order off that reached its end, and holds all of the above against its history.
  void finish(const order_plan& plan, const std::vector<history_event>& events);
  std::map<std::string, finished_order> finished() const;
  std::vector<order_plan> unfinished() const;
  std::vector<std::string> violations() const;

  std::size_t finished_count() const;
  std::size_t unfinished_count() const;

  /// From now on the time of the next acknowledged start or signal is noted.
  void mark();
  /// When that was; nothing: not yet.
  std::optional<std::chrono::steady_clock::time_point> first_acknowledged() const;

  /// Everything that was acknowledged so far.
  std::uint64_t acknowledged() const noexcept {
    return acknowledged_.load();
  }

private:
  struct open_order {
    order_plan plan{};
    std::string run_id{};
    std::set<int> signals{};
    std::set<std::int64_t> tasks{};
    std::set<std::pair<std::string, int>> attempts{};
    std::map<std::string, std::string> results{};
    std::vector<std::uint64_t> seen{};
  };

  /// Null: it is finished.
  open_order* find(const std::string& workflow_id);
  void note(const std::string& text);
  void note_acknowledged();
  void check_seen(open_order& order, std::span<const history_event> events);
  void check_acknowledged(const open_order& order, const std::vector<history_event>& events);

  mutable std::mutex mutex_;
  std::map<std::string, open_order> open_;
  std::map<std::string, finished_order> finished_;
  std::vector<std::string> violations_;
  bool marked_ = false;
  std::optional<std::chrono::steady_clock::time_point> first_acknowledged_;
  std::atomic<std::uint64_t> acknowledged_{0};
};

/// The events as text, a line each, for the report of a failure.
std::string print(std::span<const history_event> events);

} // namespace reprise::crash
