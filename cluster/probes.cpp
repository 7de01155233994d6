#include "cluster/probes.hpp"

#include <utility>

namespace reprise::cluster {

probes::probes() {
  no(kind::started, "the store is being opened, and its schema migrated");
  no(kind::ready, "the server starts");
}

void probes::yes(kind k) {
  std::lock_guard lock{mutex_};
  whys_[static_cast<std::size_t>(k)].reset();
}

void probes::no(kind k, std::string why) {
  std::lock_guard lock{mutex_};
  whys_[static_cast<std::size_t>(k)] = std::move(why);
}

std::optional<std::string> probes::why_not(kind k) const {
  std::lock_guard lock{mutex_};
  return whys_[static_cast<std::size_t>(k)];
}

} // namespace reprise::cluster
