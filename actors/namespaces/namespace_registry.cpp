#include "actors/namespaces/namespace_registry.hpp"

#include "actors/namespaces/deleted_name.hpp"
#include "base/ensure.hpp"
#include "engine/machine/proto_time.hpp"
#include "protocol/search_attributes.hpp"

namespace reprise::actors {

namespace {

namespace_registry::entry_ptr make_entry(journal::NamespaceRecord record, std::int64_t version) {
  auto out = std::make_shared<namespace_entry>();
  out->facts.id = record.info().id();
  out->facts.name = record.info().name();
  if (record.config().has_workflow_execution_retention_ttl())
    out->facts.retention = engine::from_proto(record.config().workflow_execution_retention_ttl());
  out->facts.search_attributes = all_search_attributes(record);
  out->record = std::move(record);
  out->version = version;
  return out;
}

store::namespace_row make_row(const journal::NamespaceRecord& record, std::int64_t version) {
  return {.id = record.info().id(),
          .name = record.info().name(),
          .version = version,
          .record = record.SerializeAsString()};
}

std::uint64_t next_number() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

} // namespace

bool namespace_entry::is_deleted() const noexcept {
  return record.info().state() == temporal::api::enums::v1::NAMESPACE_STATE_DELETED
         && has_name_of_deleted(record.info().name(), record.info().id());
}

namespace_registry::namespace_registry(store::store& db)
  : db_(db), number_(next_number()), tables_(std::make_shared<tables>()) {
}

const std::shared_ptr<const namespace_registry::tables>& namespace_registry::seen() const {
  struct copy {
    std::uint64_t registry = 0;
    std::uint64_t version = 0;
    std::shared_ptr<const tables> shown{};
  };

  thread_local copy mine;
  if (mine.registry != number_ || mine.version != version_.load(std::memory_order_acquire)) {
    std::lock_guard guard{mutex_};
    mine = {number_, version_.load(std::memory_order_relaxed), tables_};
  }
  return mine.shown;
}

/// Holds the mutex.
void namespace_registry::show(std::shared_ptr<const tables> next) {
  tables_ = std::move(next);
  version_.fetch_add(1, std::memory_order_release);
}

result<void> namespace_registry::load() {
  std::uint64_t begun = 0;
  {
    std::lock_guard guard{mutex_};
    begun = shown_;
  }
  auto rows = db_.namespaces();
  if (!rows)
    return std::move(rows).error();
  auto next = std::make_shared<tables>();
  for (const auto& row : *rows) {
    journal::NamespaceRecord record;
    if (!record.ParseFromString(row.record))
      return make_error(errc::data_loss,
                        "The record of namespace " + row.name + " in the store cannot be read.");
    auto entry = make_entry(std::move(record), row.version);
    next->by_name.emplace(row.name, entry);
    next->by_id.emplace(row.id, std::move(entry));
  }
  merge(std::move(next), begun);
  changed.tell();
  return {};
}

void namespace_registry::merge(std::shared_ptr<tables> next, std::uint64_t begun) {
  std::lock_guard guard{mutex_};
  std::erase_if(erased_, [&](const auto& one) { return one.second <= begun; });
  for (const auto& [id, at] : erased_)
    if (auto read = next->by_id.find(id); read != next->by_id.end()) {
      next->by_name.erase(read->second->facts.name);
      next->by_id.erase(read);
    }
  // What was written while we read is newer than what we read.
  for (const auto& [id, entry] : tables_->by_id) {
    if (shown_at_[id] <= begun)
      continue;
    auto read = next->by_id.find(id);
    if (read != next->by_id.end() && read->second->version >= entry->version)
      continue;
    if (read != next->by_id.end())
      next->by_name.erase(read->second->facts.name);
    next->by_name.insert_or_assign(entry->facts.name, entry);
    next->by_id.insert_or_assign(id, entry);
  }
  ++shown_;
  std::map<std::string, std::uint64_t> shown_at;
  for (const auto& [id, entry] : next->by_id) {
    auto known = tables_->by_id.find(id);
    auto same = known != tables_->by_id.end() && known->second == entry;
    shown_at[id] = same ? shown_at_[id] : shown_;
  }
  shown_at_ = std::move(shown_at);
  show(std::move(next));
}

namespace_registry::entry_ptr namespace_registry::find(const std::string& name) const {
  const auto& shown = *seen();
  auto found = shown.by_name.find(name);
  return found == shown.by_name.end() ? nullptr : found->second;
}

namespace_registry::entry_ptr namespace_registry::find_by_id(const std::string& id) const {
  const auto& shown = *seen();
  auto found = shown.by_id.find(id);
  return found == shown.by_id.end() ? nullptr : found->second;
}

std::shared_ptr<const namespace_registry::entries> namespace_registry::all() const {
  const auto& shown = seen();
  return {shown, &shown->by_name};
}

void namespace_registry::publish(entry_ptr entry, const std::string& old_name) {
  std::lock_guard guard{mutex_};
  auto known = tables_->by_id.find(entry->facts.id);
  // Two writers may arrive here in the other order than they wrote.
  if (known != tables_->by_id.end() && known->second->version > entry->version)
    return;
  auto next = std::make_shared<tables>(*tables_);
  next->by_name.erase(old_name);
  next->by_name.insert_or_assign(entry->facts.name, entry);
  shown_at_[entry->facts.id] = ++shown_;
  next->by_id.insert_or_assign(entry->facts.id, std::move(entry));
  show(std::move(next));
}

result<namespace_registry::entry_ptr> namespace_registry::create(journal::NamespaceRecord record) {
  constexpr std::int64_t first_version = 1;
  if (auto made = db_.create_namespace(make_row(record, first_version)); !made)
    return std::move(made).error();
  auto entry = make_entry(std::move(record), first_version);
  publish(entry, entry->facts.name);
  changed.tell();
  return entry;
}

result<namespace_registry::entry_ptr>
namespace_registry::update(const std::string& name,
                           const std::function<result<void>(journal::NamespaceRecord&)>& change) {
  constexpr int tries_max = 5;
  for (int i = 0; i < tries_max; ++i) {
    auto old = find(name);
    if (!old)
      return make_error(errc::not_found, "Namespace " + name + " is not found.");
    auto record = old->record;
    if (auto ok = change(record); !ok)
      return std::move(ok).error();
    auto version = old->version + 1;
    auto written = db_.update_namespace(make_row(record, version));
    if (written) {
      auto entry = make_entry(std::move(record), version);
      publish(entry, name);
      changed.tell();
      return entry;
    }
    if (written.error().code != errc::aborted)
      return std::move(written).error();
    if (auto loaded = load(); !loaded)
      return std::move(loaded).error();
  }
  return make_error(errc::unavailable,
                    "Namespace " + name + " is changed too often; please retry.");
}

result<void> namespace_registry::erase(const std::string& id) {
  if (auto erased = db_.erase_namespace(id); !erased)
    return erased;
  {
    std::lock_guard guard{mutex_};
    erased_[id] = ++shown_;
    if (auto known = tables_->by_id.find(id); known != tables_->by_id.end()) {
      auto next = std::make_shared<tables>(*tables_);
      next->by_name.erase(known->second->facts.name);
      next->by_id.erase(id);
      shown_at_.erase(id);
      show(std::move(next));
    }
  }
  changed.tell();
  return {};
}

std::map<std::string, int> all_search_attributes(const journal::NamespaceRecord& record) {
  auto out = protocol::system_search_attributes();
  for (const auto& [name, type] : record.search_attributes())
    out.emplace(name, type);
  return out;
}

} // namespace reprise::actors
