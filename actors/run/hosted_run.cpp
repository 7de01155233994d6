#include "actors/run/hosted_run.hpp"

#include "actors/run/visibility_row.hpp"
#include "base/ensure.hpp"

#include <utility>

namespace reprise::actors {

hosted_run::hosted_run(const engine::machine& kind, engine::run_state state, std::int64_t key,
                       store::slot_id slot, const run_bounds& bounds)
  : kind_(kind), bounds_(bounds), state_(std::move(state)), tail_(bounds.tail_bytes_max) {
  auto created = kind_.standing_of(state_);
  head_.key = key;
  head_.slot = slot;
  head_.namespace_id = created.namespace_id;
  head_.kind = kind_.kind();
  head_.workflow_id = created.id;
  head_.run_id = created.run_id;
  began_here_ = true;
}

hosted_run::hosted_run(const engine::machine& kind, loaded_run loaded, const run_bounds& bounds)
  : kind_(kind),
    bounds_(bounds),
    state_(std::move(loaded.state)),
    head_(std::move(loaded.head)),
    tail_(std::move(loaded.tail)),
    snapshot_seq_(loaded.snapshot_seq),
    facts_forgotten_to_(loaded.snapshot_seq) {
  auto now = kind_.standing_of(state_);
  head_.next_event_id = now.next_event_id;
  open_ = now.open;
  loaded_task_ = now.early_task;
}

void hosted_run::update_head() {
  auto now = kind_.standing_of(state_);
  head_.next_event_id = now.next_event_id;
  head_.status = now.status;
  open_ = now.open;
  head_.timer_at = kind_.next_deadline(state_);
  head_.offer_at = kind_.undelivered_since(state_);
}

void hosted_run::note(const engine::record& written) {
  unmeasured_ += written.events.size() + written.facts.size();
  if (written.event_count > 0)
    tail_.add(written.first_event_id, written.event_count, written.events);
}

store::journal_row hosted_run::make_row(engine::record written) {
  return store::journal_row{.seq = ++head_.last_seq,
                            .first_event_id = written.first_event_id,
                            .event_count = written.event_count,
                            .events = std::move(written.events),
                            .facts = std::move(written.facts)};
}

void hosted_run::stand_on(std::uint64_t copied_rows) {
  ENSURE(head_.last_seq == 0, "a run begins once");
  copied_rows_ = copied_rows;
  head_.last_seq = copied_rows;
  began_here_ = false;
}

store::run_write hosted_run::create(engine::record written,
                                    const protocol::search_attribute_types& types) {
  ENSURE(head_.last_seq == copied_rows_, "a run is created once");
  store::run_write out{.what = store::run_write::kind::create, .on_copy = copied_rows_ > 0};
  note(written);
  out.row = make_row(std::move(written));
  update_head();
  out.head = head_;
  out.visibility = make_visibility_row(kind_.list(state_, types), head_);
  // Nobody shall have to fold the whole of what was copied.
  if (out.on_copy)
    add_snapshot(out);
  return out;
}

store::run_write hosted_run::append(engine::record written,
                                    const protocol::search_attribute_types* types) {
  note(written);
  if (held_)
    written = kind_.joined(std::exchange(held_, nullptr)->written, std::move(written));
  return append_row(std::move(written), types);
}

store::run_write hosted_run::append_row(engine::record written,
                                        const protocol::search_attribute_types* types) {
  ENSURE(head_.last_seq > 0, "rows come behind the first");
  store::run_write out{.what = store::run_write::kind::append};
  out.row = make_row(std::move(written));
  update_head();
  out.head = head_;
  if (types != nullptr)
    out.visibility = make_visibility_row(kind_.list(state_, *types), head_);
  // Facts go one write after their snapshot: when this write lands, the snapshot is durable.
  if (snapshot_seq_ > facts_forgotten_to_) {
    out.forget_facts_to = snapshot_seq_;
    facts_forgotten_to_ = snapshot_seq_;
  }
  // Not >=: a state that is too large is measured again only after as many rows more.
  if (rows_behind_snapshot() % bounds_.rows_per_snapshot == 0)
    add_snapshot(out);
  return out;
}

void hosted_run::hold(engine::record written) {
  ENSURE(!held_, "one start at a time");
  note(written);
  held_ = std::make_shared<early_entry>(
    early_entry{.run_id = head_.run_id, .last_seq = head_.last_seq, .written = std::move(written)});
}

void hosted_run::adopt(early_entry_ptr left) {
  if (left->run_id != head_.run_id || left->last_seq != head_.last_seq)
    return;
  auto after = state_.copy();
  if (!kind_.evolve(after, left->written))
    return;
  state_ = std::move(after);
  note(left->written);
  held_ = std::move(left);
}

std::optional<store::run_write> hosted_run::flush() {
  if (!held_)
    return std::nullopt;
  return append_row(std::exchange(held_, nullptr)->written, nullptr);
}

std::optional<store::run_write> hosted_run::touch() {
  if (held_)
    return std::nullopt;
  auto timer_at = head_.timer_at;
  auto offer_at = head_.offer_at;
  update_head();
  if (timer_at == head_.timer_at && offer_at == head_.offer_at)
    return std::nullopt;
  return store::run_write{.what = store::run_write::kind::touch, .head = head_};
}

store::run_write hosted_run::confirm() const {
  return store::run_write{.what = store::run_write::kind::touch, .head = head_};
}

store::run_write hosted_run::erase() const {
  return store::run_write{.what = store::run_write::kind::erase, .head = head_};
}

store::run_write hosted_run::snapshot_only() {
  auto out = flush();
  if (!out) {
    update_head();
    out = store::run_write{.what = store::run_write::kind::touch, .head = head_};
  }
  add_snapshot(*out);
  return *std::move(out);
}

void hosted_run::add_snapshot(store::run_write& write) {
  if (state_.serialised_bytes() > bounds_.snapshot_bytes_max)
    return;
  write.snap = store::snapshot{.seq = head_.last_seq, .state = state_.serialised()};
  snapshot_seq_ = head_.last_seq;
}

run_news hosted_run::news() const {
  auto now = kind_.standing_of(state_);
  // Of an entry that is held the head knows nothing yet.
  return run_news{.run_id = head_.run_id,
                  .timer_at = held_ ? kind_.next_deadline(state_) : head_.timer_at,
                  .next_event_id = now.next_event_id,
                  .open = now.open};
}

std::size_t hosted_run::resident_bytes() {
  // Actor, head, and what the slot keeps of it.
  constexpr std::size_t fixed = 3 << 10;
  // Measuring walks the whole state, so a large one is measured only after a good part more was
  // written; until then it is taken to have grown by all of that.
  constexpr std::size_t part = 4;
  // Nor is one that has written little since it began: most runs are over by then. Such states take
  // about five times what was written (fields of small messages, texts of their own).
  constexpr std::size_t little = 2 << 10;
  constexpr std::size_t times = 5;
  if (measured_ == 0 && began_here_ && unmeasured_ <= little)
    return fixed + kind_.least_bytes() + unmeasured_ * times + tail_.resident_bytes();
  if (measured_ == 0 || unmeasured_ > measured_ / part) {
    measured_ = state_.resident_bytes();
    unmeasured_ = 0;
  }
  return fixed + measured_ + unmeasured_ + tail_.resident_bytes();
}

} // namespace reprise::actors
