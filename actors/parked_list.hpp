#pragma once

#include "base/clock.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace reprise::actors {

/// An execution that this node gave up.
struct parked {
  std::string namespace_id{};
  std::string workflow_id{};
  /// The run that cannot be loaded; empty: not even that is known.
  std::string run_id{};
  /// What is wrong with its journal.
  std::string why{};
  time_point since{};
};

/// What the slots of a node have parked, for operators. Thread-safe.
class parked_list {
public:
  void add(parked p) {
    std::lock_guard lock{mutex_};
    std::pair key{p.namespace_id, p.workflow_id};
    all_.insert_or_assign(std::move(key), std::move(p));
  }

  void remove(const std::string& namespace_id, const std::string& workflow_id) {
    std::lock_guard lock{mutex_};
    all_.erase({namespace_id, workflow_id});
  }

  std::optional<parked> find(const std::string& namespace_id,
                             const std::string& workflow_id) const {
    std::lock_guard lock{mutex_};
    auto found = all_.find({namespace_id, workflow_id});
    return found == all_.end() ? std::nullopt : std::optional{found->second};
  }

  /// Of one namespace, by workflow id.
  std::vector<parked> of(const std::string& namespace_id) const {
    std::lock_guard lock{mutex_};
    std::vector<parked> out;
    for (auto p = all_.lower_bound({namespace_id, {}});
         p != all_.end() && p->first.first == namespace_id; ++p)
      out.push_back(p->second);
    return out;
  }

private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, parked> all_;
};

} // namespace reprise::actors
