#include "actors/hosted_run.hpp"

#include "actors/visibility_row.hpp"
#include "base/ensure.hpp"
#include "engine/engine.hpp"

namespace reprise::actors {

hosted_run::hosted_run(engine::execution state, std::int64_t key, store::slot_id slot,
                       std::uint64_t rows_per_snapshot)
  : rows_per_snapshot_(rows_per_snapshot), state_(std::move(state)) {
  const auto& created = state_.created();
  head_.key = key;
  head_.slot = slot;
  head_.namespace_id = created.namespace_id();
  head_.workflow_id = created.workflow_id();
  head_.run_id = created.run_id();
}

hosted_run::hosted_run(loaded_run loaded, std::uint64_t rows_per_snapshot)
  : rows_per_snapshot_(rows_per_snapshot),
    state_(std::move(loaded.state)),
    head_(std::move(loaded.head)),
    snapshot_seq_(loaded.snapshot_seq),
    facts_forgotten_to_(loaded.snapshot_seq) {
  head_.next_event_id = state_.next_event_id();
}

void hosted_run::update_head() {
  head_.next_event_id = state_.next_event_id();
  head_.status = static_cast<int>(state_.status());
  head_.timer_at = engine::next_deadline(state_);
  head_.offer_at = engine::undelivered_since(state_);
}

store::journal_row hosted_run::make_row(engine::record written) {
  unmeasured_ += written.events.size() + written.facts.size();
  if (written.event_count > 0)
    tail_.add(written.first_event_id, written.event_count, written.events);
  return store::journal_row{.seq = ++head_.last_seq,
                            .first_event_id = written.first_event_id,
                            .event_count = written.event_count,
                            .events = std::move(written.events),
                            .facts = std::move(written.facts)};
}

store::run_write hosted_run::create(engine::record written, const attribute_types& types) {
  ENSURE(head_.last_seq == 0, "a run is created once");
  store::run_write out{.what = store::run_write::kind::create};
  out.row = make_row(std::move(written));
  update_head();
  out.head = head_;
  out.visibility = make_visibility_row(state_, head_.key, types);
  return out;
}

store::run_write hosted_run::append(engine::record written, const attribute_types* types) {
  ENSURE(head_.last_seq > 0, "rows come behind the first");
  store::run_write out{.what = store::run_write::kind::append};
  out.row = make_row(std::move(written));
  update_head();
  out.head = head_;
  if (types != nullptr)
    out.visibility = make_visibility_row(state_, head_.key, *types);
  // Facts go one write after their snapshot: when this write lands, the snapshot is durable.
  if (snapshot_seq_ > facts_forgotten_to_) {
    out.forget_facts_to = snapshot_seq_;
    facts_forgotten_to_ = snapshot_seq_;
  }
  // Not >=: a state that is too large is measured again only after as many rows more.
  if (rows_behind_snapshot() % rows_per_snapshot_ == 0)
    add_snapshot(out);
  return out;
}

std::optional<store::run_write> hosted_run::touch() {
  auto timer_at = head_.timer_at;
  auto offer_at = head_.offer_at;
  update_head();
  if (timer_at == head_.timer_at && offer_at == head_.offer_at)
    return std::nullopt;
  return store::run_write{.what = store::run_write::kind::touch, .head = head_};
}

store::run_write hosted_run::erase() const {
  return store::run_write{.what = store::run_write::kind::erase, .head = head_};
}

store::run_write hosted_run::snapshot_only() {
  store::run_write out{.what = store::run_write::kind::touch};
  update_head();
  out.head = head_;
  add_snapshot(out);
  return out;
}

void hosted_run::add_snapshot(store::run_write& write) {
  if (state_.ByteSizeLong() > snapshot_bytes_max)
    return;
  write.snap = store::snapshot{.seq = head_.last_seq, .state = state_.SerializeAsString()};
  snapshot_seq_ = head_.last_seq;
}

run_news hosted_run::news() const {
  return run_news{.run_id = head_.run_id,
                  .timer_at = head_.timer_at,
                  .next_event_id = head_.next_event_id,
                  .open = engine::is_open(state_)};
}

std::size_t hosted_run::resident_bytes() {
  // Messages in memory take about three times their wire form; actor, head and maps the rest.
  constexpr std::size_t fixed = 3 << 10;
  // Measuring walks the whole state, so a large one is measured only after a good part more was
  // written; until then it is taken to have grown by all of that.
  constexpr std::size_t part = 4;
  if (measured_ == 0 || unmeasured_ > measured_ / part) {
    measured_ = state_.ByteSizeLong();
    unmeasured_ = 0;
  }
  return fixed + 3 * (measured_ + unmeasured_) + tail_.bytes();
}

} // namespace reprise::actors
