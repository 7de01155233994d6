#pragma once

#include "store/backup.hpp"
#include "store/store.hpp"

namespace reprise::actors {

/// How copies of a node's store are taken; null: of such a store nobody takes one here.
inline store::backup_source* backups_of(store::store& db) noexcept {
  return dynamic_cast<store::backup_source*>(&db);
}

} // namespace reprise::actors
