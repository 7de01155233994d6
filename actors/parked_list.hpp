#pragma once

#include "base/clock.hpp"
#include "protocol/machine_kind.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace reprise::actors {

/// An execution that this node gave up.
struct parked {
  std::string namespace_id{};
  machine_kind kind = machine_kind::workflow;
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
    std::tuple key{p.namespace_id, p.kind, p.workflow_id};
    all_.insert_or_assign(std::move(key), std::move(p));
  }

  void remove(const std::string& namespace_id, machine_kind kind, const std::string& id) {
    std::lock_guard lock{mutex_};
    all_.erase({namespace_id, kind, id});
  }

  std::optional<parked> find(const std::string& namespace_id, machine_kind kind,
                             const std::string& id) const {
    std::lock_guard lock{mutex_};
    auto found = all_.find({namespace_id, kind, id});
    return found == all_.end() ? std::nullopt : std::optional{found->second};
  }

  /// Of one namespace and kind, by id.
  std::vector<parked> of(const std::string& namespace_id, machine_kind kind) const {
    std::lock_guard lock{mutex_};
    std::vector<parked> out;
    for (auto p = all_.lower_bound({namespace_id, kind, {}});
         p != all_.end() && p->second.namespace_id == namespace_id && p->second.kind == kind; ++p)
      out.push_back(p->second);
    return out;
  }

private:
  mutable std::mutex mutex_;
  std::map<std::tuple<std::string, machine_kind, std::string>, parked> all_;
};

} // namespace reprise::actors
