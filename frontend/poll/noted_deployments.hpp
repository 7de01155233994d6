#pragma once

#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace reprise::frontend {

/// The deployments whose workers take part in versioning, each told of in the log once: this
/// version serves them as any other worker. Thread-safe.
class noted_deployments {
public:
  /// True for the one call that is to tell; never beyond `most` deployments.
  bool is_news(const std::string& namespace_name, const std::string& deployment,
               std::size_t most = 1000) {
    std::lock_guard guard{mutex_};
    return known_.size() < most && known_.emplace(namespace_name, deployment).second;
  }

private:
  std::mutex mutex_;
  std::set<std::pair<std::string, std::string>> known_;
};

} // namespace reprise::frontend
