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

/// An execution that this node gave up, or a message to one.
struct parked {
  std::string namespace_id{};
  machine_kind kind = machine_kind::workflow;
  std::string workflow_id{};
  /// The run that cannot be loaded; empty: not even that is known.
  std::string run_id{};
  /// What is wrong with its journal, or what the message did.
  std::string why{};
  time_point since{};
  /// Empty: the execution itself is parked.
  std::string message_id{};
};

/// What the slots of a node have parked, for operators. Thread-safe.
class parked_list {
public:
  void add(parked p) {
    std::lock_guard lock{mutex_};
    std::tuple key{p.namespace_id, p.kind, p.workflow_id, p.message_id};
    all_.insert_or_assign(std::move(key), std::move(p));
  }

  void remove(const std::string& namespace_id, machine_kind kind, const std::string& id,
              const std::string& message_id = {}) {
    std::lock_guard lock{mutex_};
    all_.erase({namespace_id, kind, id, message_id});
  }

  /// The execution, or else a message to it.
  std::optional<parked> find(const std::string& namespace_id, machine_kind kind,
                             const std::string& id) const {
    std::lock_guard lock{mutex_};
    auto found = all_.lower_bound({namespace_id, kind, id, {}});
    if (found == all_.end() || found->second.namespace_id != namespace_id
        || found->second.kind != kind || found->second.workflow_id != id)
      return std::nullopt;
    return found->second;
  }

  /// Of one namespace and kind, by id.
  std::vector<parked> of(const std::string& namespace_id, machine_kind kind) const {
    std::lock_guard lock{mutex_};
    std::vector<parked> out;
    for (auto p = all_.lower_bound({namespace_id, kind, {}, {}});
         p != all_.end() && p->second.namespace_id == namespace_id && p->second.kind == kind; ++p)
      out.push_back(p->second);
    return out;
  }

private:
  mutable std::mutex mutex_;
  std::map<std::tuple<std::string, machine_kind, std::string, std::string>, parked> all_;
};

} // namespace reprise::actors
