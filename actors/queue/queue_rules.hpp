#pragma once

#include "actors/queue/rate_limit.hpp"
#include "base/clock.hpp"
#include "protocol/cluster.pb.h"
#include "temporal/api/taskqueue/v1/message.pb.h"

#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace reprise::actors {

/// What was configured of a task queue, as its matcher obeys it.
struct queue_rules {
  queue_rules() = default;

  explicit queue_rules(temporal::api::taskqueue::v1::TaskQueueConfig set) : config(std::move(set)) {
    if (config.queue_rate_limit().has_rate_limit())
      queue_rate = config.queue_rate_limit().rate_limit().requests_per_second();
    if (config.fairness_keys_rate_limit_default().has_rate_limit())
      key_rate = config.fairness_keys_rate_limit_default().rate_limit().requests_per_second();
  }

  double weight_of(const cluster::Task& task) const {
    const auto& set = config.fairness_weight_overrides();
    if (auto found = set.find(task.fairness_key()); found != set.end())
      return found->second;
    return task.fairness_weight() > 0 ? task.fairness_weight() : 1;
  }

  temporal::api::taskqueue::v1::TaskQueueConfig config{};
  /// Tasks a second of the whole queue; nothing: what its workers ask for.
  std::optional<double> queue_rate{};
  /// Of a fairness key of weight 1; those of others are in proportion. Nothing: no limit.
  std::optional<double> key_rate{};
};

/// How fast the tasks of each fairness key go. A plain value.
class key_limits {
public:
  /// `keys_max`: of more keys, those go unlimited that come when so many are busy.
  explicit key_limits(std::size_t keys_max) : keys_max_(keys_max) {
  }

  /// Of a key of weight 1; nothing: no limit.
  void set(std::optional<double> per_second, time_point now) {
    rate_ = per_second;
    if (!rate_)
      keys_.clear();
    forget_at_ = now;
  }

  /// Until when the key is to wait; nothing: it may go.
  std::optional<time_point> wait_of(const std::string& key, double weight, time_point now) {
    if (!rate_)
      return std::nullopt;
    auto known = keys_.find(key);
    if (known == keys_.end()) {
      if (keys_.size() >= keys_max_)
        forget(now);
      if (keys_.size() >= keys_max_)
        return std::nullopt;
      known = keys_.try_emplace(key).first;
    }
    known->second.set(*rate_ * weight, now);
    if (known->second.allows(now))
      return std::nullopt;
    return known->second.next(now);
  }

  void take(const std::string& key) {
    if (auto known = keys_.find(key); known != keys_.end())
      known->second.take();
  }

  void give_back(const std::string& key) {
    if (auto known = keys_.find(key); known != keys_.end())
      known->second.give_back();
  }

private:
  void forget(time_point now) {
    if (now < forget_at_)
      return;
    forget_at_ = now + std::chrono::seconds{1};
    for (auto k = keys_.begin(); k != keys_.end();)
      k = k->second.rests(now) ? keys_.erase(k) : std::next(k);
  }

  std::size_t keys_max_;
  std::optional<double> rate_;
  std::map<std::string, rate_limit> keys_;
  /// Not for each task that comes while there are too many.
  time_point forget_at_{};
};

} // namespace reprise::actors
