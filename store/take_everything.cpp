#include "store/store.hpp"

namespace reprise::store {

namespace {

/// For as long as the one needs who is at work here; nothing renews it.
constexpr duration lease = std::chrono::seconds{30};

} // namespace

result<std::vector<epoch_number>> take_everything(store& db, incarnation_id self) {
  if (auto joined = db.join({.incarnation = self, .name = "alone", .lease_length = lease}, 0);
      !joined)
    return std::move(joined).error();
  auto seen = db.renew(self, false);
  if (!seen)
    return std::move(seen).error();
  take_over all{.self = self};
  for (const auto& m : seen->members)
    if (m.who.incarnation != self)
      all.dead.push_back({.incarnation = m.who.incarnation, .renewals = m.renewals});
  auto taken = db.take(all);
  if (!taken)
    return std::move(taken).error();
  if (!taken->ranges.all())
    return make_error(errc::failed_precondition, "Another server is at work on this store.");
  return std::move(taken->epochs);
}

} // namespace reprise::store
