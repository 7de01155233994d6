#pragma once

#include "actors/node/listener.hpp"
#include "base/result.hpp"
#include "engine/machine/context.hpp"
#include "protocol/journal.pb.h"
#include "store/store.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace reprise::actors {

/// One namespace as every part of the server sees it; immutable, replaced as a whole.
struct namespace_entry {
  engine::namespace_facts facts{};
  journal::NamespaceRecord record{};
  std::int64_t version = 0;

  /// It takes no calls, and its runs do nothing any more.
  bool is_deleted() const noexcept;
};

/// The namespaces, cached from the store and visible to everyone right after a change.
/// Thread-safe; find() never blocks on the store, and takes no lock but for the first time after a
/// change: each thread keeps the tables that it saw last.
class namespace_registry {
public:
  using entry_ptr = std::shared_ptr<const namespace_entry>;
  using entries = std::map<std::string, entry_ptr>;

  explicit namespace_registry(store::store& db);

  /// Reads all namespaces. What the store does not know any more (it was given back older) is
  /// forgotten. Blocking.
  result<void> load();

  /// By name; null when there is none.
  entry_ptr find(const std::string& name) const;
  entry_ptr find_by_id(const std::string& id) const;
  /// All, by name.
  std::shared_ptr<const entries> all() const;

  /// Blocking, durable when it returns. Refused: already_exists (name is taken).
  result<entry_ptr> create(journal::NamespaceRecord record);
  /// Blocking. `change` edits a copy of the newest record, may refuse; done again if another writer
  /// came in between.
  result<entry_ptr> update(const std::string& name,
                           const std::function<result<void>(journal::NamespaceRecord&)>& change);

  /// Blocking. What belongs to it has to be gone.
  result<void> erase(const std::string& id);

  /// Told after each change, on any thread.
  listener<> changed{};

private:
  /// Immutable once others see them.
  struct tables {
    entries by_name{};
    entries by_id{};
  };

  /// Valid until this thread asks again.
  const std::shared_ptr<const tables>& seen() const;
  void publish(entry_ptr entry, const std::string& old_name);
  void show(std::shared_ptr<const tables> next);
  /// Shows what was read since `begun`, but for what is newer.
  void merge(std::shared_ptr<tables> next, std::uint64_t begun);

  store::store& db_;
  /// Told apart from others of this process (tests have several), for what threads keep.
  const std::uint64_t number_;
  /// Guards the tables; their version changes under it, too.
  mutable std::mutex mutex_;
  std::shared_ptr<const tables> tables_;
  /// How often something was shown, and when each namespace was, by id.
  std::uint64_t shown_ = 0;
  std::map<std::string, std::uint64_t> shown_at_;
  /// When each was erased here: what is read of it was read before.
  std::map<std::string, std::uint64_t> erased_;
  std::atomic<std::uint64_t> version_{1};
};

/// Custom and system search attributes of a namespace, by name, as IndexedValueType numbers.
std::map<std::string, int> all_search_attributes(const journal::NamespaceRecord& record);

} // namespace reprise::actors
