#include "actors/slot/slot_entry.hpp"

namespace reprise::actors {

entry* entry_map::find(std::string_view namespace_id, machine_kind kind, std::string_view id) {
  auto found = entries_.find({namespace_id, kind, id});
  return found == entries_.end() ? nullptr : found->second.get();
}

entry& entry_map::find_or_add(const std::string& namespace_id, machine_kind kind,
                              const std::string& id) {
  if (auto* known = find(namespace_id, kind, id))
    return *known;
  auto made = std::make_unique<entry>();
  made->namespace_id = namespace_id;
  made->kind = kind;
  made->workflow_id = id;
  key k{made->namespace_id, kind, made->workflow_id};
  return *entries_.emplace(k, std::move(made)).first->second;
}

void entry_map::erase(const entry& e) {
  auto found = entries_.find({e.namespace_id, e.kind, e.workflow_id});
  // The key views the entry's texts: find first, then erase by place.
  if (found != entries_.end())
    entries_.erase(found);
}

} // namespace reprise::actors
