#include "actors/slot/inbox_sweep.hpp"

#include "base/log.hpp"
#include "protocol/parse_stored.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <utility>

namespace reprise::actors {

namespace {

/// A copy that is older than ten minutes is ignored by whoever gets it; this is well beyond.
constexpr duration kept_for = std::chrono::hours{1};
constexpr duration first_look = std::chrono::seconds{10};
constexpr duration between_looks = std::chrono::hours{1};
/// What was taken now is forgotten and old enough so many looks later.
constexpr int looks_behind_use = 3;
constexpr std::size_t ranges_at_once = 16;

/// What was copied so long ago and has no run never gets one: see gathering.
constexpr duration copy_is_abandoned = std::chrono::hours{1};
constexpr int rounds_max = 100;

/// Erases copies of histories on which no run was begun.
void sweep_copies(store::store& db, time_point begun_before, std::size_t rows_max,
                  inbox_page& page) {
  for (int i = 0; i < rounds_max; ++i) {
    auto erased = db.sweep_copies(begun_before, rows_max);
    page.failed = page.failed || !erased;
    if (!erased || *erased == 0)
      return;
    page.copies_were_here = true;
  }
}

/// Erases what may go of one range, and reads what nobody forgot: not for ever if that is more.
void look_at(store::store& db, store::range_id range, time_point now, std::size_t rows_max,
             inbox_page& page) {
  auto before = now - kept_for;
  for (int i = 0; i < rounds_max; ++i) {
    auto erased = db.sweep_inbox(range, before, rows_max);
    page.failed = page.failed || !erased;
    if (!erased)
      return;
    page.erased += *erased;
    if (*erased < rows_max)
      break;
  }
  auto rows = db.unforgotten(range, now, {}, rows_max);
  page.failed = page.failed || !rows;
  if (!rows)
    return;
  page.in_use = page.in_use || !rows->empty();
  for (auto& row : *rows)
    if (row.taken_at < before)
      page.unforgotten.push_back(std::move(row));
}

class inbox_sweep final : public sweep_actor::base {
public:
  inbox_sweep(caf::actor_config& config, services& shared)
    : sweep_actor::base(config), shared_(shared), born_(shared.time.now()) {
  }

  behavior_type make_behavior() override {
    delayed_send(this, first_look, tick_atom_v);
    return {
      [this](tick_atom) { begin(); },
      [this](loaded_atom, const std::shared_ptr<inbox_page>& page) { on_page(*page); },
    };
  }

private:
  /// A server whose actors send each other nothing asks its store nothing.
  void begin() {
    auto used = shared_.messages.remembered.load(std::memory_order_relaxed)
                + shared_.messages.copies_in_vain.load(std::memory_order_relaxed);
    if (used != std::exchange(used_, used))
      looks_left_ = looks_behind_use;
    if (!shared_.own_lease.valid())
      return later(looked_ ? between_looks : first_look);
    if (looks_left_ == 0)
      return later(between_looks);
    --looks_left_;
    looked_ = true;
    look(0);
  }

  void later(duration wait) {
    delayed_send(this, wait, tick_atom_v);
  }

  void look(std::size_t first_range) {
    if (first_range >= store::range_count)
      return later(between_looks);
    auto job = [&shared = shared_, me = sweep_actor{this}, first_range, now = shared_.time.now(),
                born = born_, rows_max = shared_.capacity.messages.page_rows] {
      auto page = std::make_shared<inbox_page>();
      page->next_range = first_range + ranges_at_once;
      try {
        // What was begun before this server lived is nobody's, unless others live beside it.
        auto began = shared.own_lease.serves_all() ? born : time_point{};
        if (first_range == 0)
          sweep_copies(shared.db, std::max(began, now - copy_is_abandoned), rows_max, *page);
        for (auto r = first_range; r < page->next_range && r < store::range_count; ++r)
          if (shared.own_lease.serves(static_cast<store::range_id>(r)))
            look_at(shared.db, static_cast<store::range_id>(r), now, rows_max, *page);
      } catch (...) {
        log_thrown(log_level::error, "inboxes could not be read");
        page->failed = true;
      }
      caf::anon_send(me, loaded_atom_v, std::move(page));
    };
    if (!shared_.readers.post(lane::points, std::move(job)))
      later(between_looks);
  }

  void on_page(inbox_page& page) {
    if (page.failed)
      shared_.watch.store_read_failures.add();
    shared_.watch.messages_erased.add(page.erased);
    if (page.failed || page.in_use || page.erased > 0 || page.copies_were_here)
      looks_left_ = looks_behind_use;
    // What was read without the lease may be long forgotten by the slots' owner.
    for (const auto& row : page.unforgotten)
      if (shared_.own_lease.valid_for(row.slot))
        answer_again(row);
    look(page.next_range);
  }

  void answer_again(const store::inbox_row& row) {
    cluster::ExecutionRequest request;
    outbox::Address sender;
    if (!protocol::parse_stored(*request.mutable_answered(), row.answer)
        || !protocol::parse_stored(sender, row.sender))
      return log(log_level::error, "the inbox row " + row.message_id + " cannot be understood");
    // Whoever would say that it has the answer is gone.
    auto ns = shared_.namespaces.find_by_id(sender.namespace_id());
    if (!ns || ns->is_deleted()) {
      request.mutable_forget()->add_message_ids(row.message_id);
      send(shared_.slots[row.slot].get(), peer_atom_v, std::uint64_t{row.slot}, std::move(request));
      return;
    }
    set_address(request, sender);
    send(shared_.slot_for(request), peer_atom_v, std::uint64_t{row.slot}, std::move(request));
  }

  services& shared_;
  /// What was copied before is of a server that is no more, and has no run.
  time_point born_;
  /// What there had been here when it looked last.
  std::uint64_t used_ = 0;
  int looks_left_ = 1;
  bool looked_ = false;
};

} // namespace

sweep_actor spawn_inbox_sweep(caf::actor_system& system, services& shared) {
  return system.spawn<inbox_sweep>(shared);
}

} // namespace reprise::actors
