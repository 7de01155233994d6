// Messages between durable actors: what those of this slot send, and what comes to them. A message
// leaves when it is durable, like everything; it is sent again until its answer is, too.

#include "actors/slot/slot.hpp"
#include "base/log.hpp"
#include "base/log_format.hpp"
#include "engine/machine/proto_time.hpp"
#include "protocol/parse_stored.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <exception>

namespace reprise::actors {

namespace {

/// Whoever forgets may be told later: nothing waits for it.
constexpr duration forgets_wait = std::chrono::seconds{1};
/// Between two sweeps for messages that had no room.
constexpr duration sweep_wait = std::chrono::seconds{10};
/// A run that could not be asked for its messages is asked again.
constexpr duration ask_wait = std::chrono::seconds{1};
/// Until a lease may be valid again.
constexpr duration lease_wait = std::chrono::seconds{1};
constexpr int failures_max = 3;

outbox::Address address_of(const entry& e) {
  outbox::Address out;
  out.set_namespace_id(e.namespace_id);
  out.set_machine(number_of(e.kind));
  out.set_id(e.workflow_id);
  return out;
}

} // namespace

namespace {

/// What the inbox has of a message that comes again; of a withdrawal, it is the start.
std::string looked_for(const outbox::Message& message) {
  return message.has_withdraw() ? message_id(message.withdraw()) : message_id(message);
}

} // namespace

/// A message that comes again, and what the inbox has of it.
struct inbox_look {
  std::uint64_t from_slot = 0;
  cluster::ExecutionRequest request{};
  /// The slot's when it asked.
  store::epoch_number epoch = 0;
  /// The lease's, at that time.
  std::uint64_t tenure = 0;
  bool failed = false;
  std::optional<store::inbox_row> row{};
};

// -- sending
// --------------------------------------------------------------------------------------

void slot::send_messages(const entry& e, outcome& x) {
  // Whoever owns the slot next finds them.
  if (x.released.messages.empty() || epoch_ == 0)
    return;
  // What a run that was read has in its outbox may have left before; what was just written has not.
  auto again = !x.appended || x.what->request.has_reoffer();
  auto now = shared_.time.boot_time();
  auto from = address_of(e);
  for (auto& message : std::exchange(x.released.messages, {})) {
    // It takes the place of the start that it is about.
    if (message.has_withdraw())
      sent_.answered(message_id(message.withdraw()), now);
    if (sent_.add(from, std::move(message), again, now))
      continue;
    shared_.watch.refused.messages.add();
    if (!sweep_at_)
      sweep_at_ = now + sweep_wait;
  }
  send_due_messages();
  arm_tick();
}

void slot::send_due_messages() {
  auto now = shared_.time.boot_time();
  auto& watch = shared_.watch;
  watch.used.messages.set(static_cast<std::int64_t>(shared_.messages.messages.load()));
  watch.used.message_bytes.set(static_cast<std::int64_t>(shared_.messages.bytes.load()));
  if (forgets_at_ && *forgets_at_ <= now)
    send_forgets();
  if (sweep_at_ && *sweep_at_ <= now) {
    sweep_at_.reset();
    send(shared_.timer.get(), reoffer_atom_v, std::string{}, std::string{});
  }
  // The time first: a copy that leaves late, since this process slept, is an old one. And without
  // the lease an answer may be committed elsewhere, and long forgotten.
  auto sent_at = engine::to_proto(shared_.time.now());
  if (epoch_ == 0 || sending_pauses_until_ > now)
    return;
  if (!shared_.own_lease.valid_for(number_)) {
    sending_pauses_until_ = now + lease_wait;
    return;
  }
  auto due = sent_.take_due(now);
  watch.refused.message_bytes.add(due.without_content);
  for (auto& copy : due.copies) {
    cluster::ExecutionRequest request;
    set_address(request, copy.message->to());
    auto& delivery = *request.mutable_deliver();
    *delivery.mutable_message() = *copy.message;
    *delivery.mutable_from() = std::move(copy.from);
    *delivery.mutable_sent_at() = sent_at;
    delivery.set_again(copy.again);
    (copy.again ? watch.messages_sent_again : watch.messages_sent).add();
    const auto& to = shared_.slot_for(request);
    send(to, peer_atom_v, std::uint64_t{number_}, std::move(request));
  }
  for (const auto& about : due.questions)
    ask_for_messages(about);
}

void slot::ask_for_messages(const sent_messages::question& about) {
  cluster::ExecutionRequest request;
  set_address(request, about.sender);
  request.set_run_id(about.run_id);
  request.mutable_reoffer()->set_only_messages(true);
  accept_internal(std::move(request));
}

void slot::ask_again_for_messages(const call& c) {
  if (epoch_ == 0 || !c.request.reoffer().only_messages())
    return;
  outbox::Address sender;
  sender.set_namespace_id(c.request.namespace_id());
  sender.set_machine(c.request.machine());
  sender.set_id(c.request.workflow_id());
  sent_.ask({.sender = std::move(sender), .run_id = c.request.run_id()},
            shared_.time.boot_time() + ask_wait);
  arm_tick();
}

void slot::ask_for_lost_messages(const entry& e, const outcome& x) {
  if (epoch_ == 0)
    return;
  auto at = shared_.time.boot_time() + ask_wait;
  for (const auto& message : x.released.messages)
    sent_.ask({.sender = address_of(e), .run_id = holder_of(message)}, at);
  arm_tick();
}

std::optional<time_point> slot::messages_due() const {
  auto next = sent_.next();
  if (next)
    next = std::max(*next, sending_pauses_until_);
  auto sooner = [&next](std::optional<duration> d) {
    if (d && (!next || *d < *next))
      next = d;
  };
  sooner(forgets_at_);
  sooner(sweep_at_);
  if (!next)
    return std::nullopt;
  return shared_.time.now() + std::max(*next - shared_.time.boot_time(), duration{0});
}

void slot::forget_messages() {
  sent_.clear();
  arriving_.clear();
  forgets_.clear();
  forgets_count_ = 0;
  forgets_at_.reset();
  sweep_at_.reset();
  forget_failures();
}

// -- receiving
// ------------------------------------------------------------------------------------

void slot::on_peer(std::uint64_t from_slot, cluster::ExecutionRequest& request) {
  if (epoch_ == 0) {
    // Else whoever sent it sends it again.
    if (const auto* next = elsewhere())
      send(*next, peer_atom_v, from_slot, std::move(request));
    return;
  }
  if (request.has_deliver())
    return on_delivery(from_slot, request);
  if (request.has_forget())
    return write_forgets(request.forget());
  if (request.has_answered())
    take_from_peer(from_slot, request);
}

void slot::on_delivery(std::uint64_t from_slot, cluster::ExecutionRequest& request) {
  auto id = message_id(request.deliver().message());
  auto failed = failing_.find(id);
  if (failed != failing_.end() && failed->second.times >= failures_max)
    return;
  // The copy that is here already brings the answer.
  if (!arriving_.insert(std::move(id)).second)
    return;
  // Of a withdrawal has to be known whether the start that it is about was taken.
  if (request.deliver().again() || request.deliver().message().has_withdraw())
    return look_up(from_slot, std::move(request));
  take_from_peer(from_slot, request);
}

void slot::take_from_peer(std::uint64_t from_slot, cluster::ExecutionRequest& request) {
  auto c = std::make_shared<call>();
  c->by = call::origin::peer;
  c->id = from_slot;
  c->request = std::move(request);
  accept(std::move(c));
}

void slot::look_up(std::uint64_t from_slot, cluster::ExecutionRequest request) {
  auto look = std::make_shared<inbox_look>();
  look->from_slot = from_slot;
  look->request = std::move(request);
  look->epoch = epoch_;
  look->tenure = shared_.own_lease.tenure(number_);
  auto job = [&shared = shared_, me = slot_actor{this}, number = number_, look] {
    try {
      auto row = shared.db.read_inbox(number, looked_for(look->request.deliver().message()));
      look->failed = !row;
      if (row)
        look->row = std::move(*row);
    } catch (const std::exception&) {
      log_about_slot about{number};
      log_thrown(log_level::error, "an inbox could not be read");
      look->failed = true;
    }
    caf::anon_send(me, inbox_atom_v, look);
  };
  if (shared_.readers.post(lane::points, std::move(job)))
    return;
  look->failed = true;
  on_looked_up(*look);
}

void slot::on_looked_up(inbox_look& look) {
  log_about_slot about{number_};
  auto is_current = look.epoch == epoch_;
  auto& delivery = *look.request.mutable_deliver();
  delivery.set_start_is_known(delivery.message().has_withdraw() && look.row.has_value());
  if (is_current && !look.failed && (!look.row || delivery.start_is_known()))
    return take_from_peer(look.from_slot, look.request);
  arriving_.erase(message_id(look.request.deliver().message()));
  // Of an epoch that is over nothing is known here; the next copy looks again.
  if (!is_current)
    return;
  outbox::Answered answered;
  if (look.failed)
    shared_.watch.store_read_failures.add();
  else if (!protocol::parse_stored(answered, look.row->answer))
    log(log_level::error, "the inbox row " + look.row->message_id + " cannot be understood");
  else if (shared_.own_lease.valid_since(number_, look.tenure))
    answer_sender(look.request.deliver().from(), std::move(answered));
}

void slot::end_peer_call(outcome& x) {
  auto& c = *x.what;
  // As with callers: a write is fenced by its commit, a read is only as good as the lease.
  auto knows = !x.released.try_again && (x.appended || shared_.own_lease.valid_for(number_));
  if (c.request.has_deliver()) {
    arriving_.erase(message_id(c.request.deliver().message()));
    if (!x.write.inbox_adds.empty()) {
      shared_.watch.messages_taken.add();
      shared_.messages.remembered.fetch_add(1, std::memory_order_relaxed);
    }
    if (knows && x.released.told_sender)
      answer_sender(c.request.deliver().from(), std::move(*x.released.told_sender));
    return;
  }
  if (!knows || !x.released.forget)
    return;
  auto id = message_id(c.request.answered());
  sent_.answered(id, shared_.time.boot_time());
  tell_to_forget(static_cast<store::slot_id>(c.id), std::move(id));
  send_due_messages();
  arm_tick();
}

void slot::answer_sender(const outbox::Address& to, outbox::Answered answered) {
  cluster::ExecutionRequest request;
  set_address(request, to);
  *request.mutable_answered() = std::move(answered);
  const auto& slot = shared_.slot_for(request);
  send(slot, peer_atom_v, std::uint64_t{number_}, std::move(request));
}

/// Its sender gets no answer, and sends it again.
void slot::drop_peer_call(call& c) {
  if (!c.request.has_deliver())
    return;
  arriving_.erase(message_id(c.request.deliver().message()));
  if (c.threw && !c.out_of_memory)
    count_failure(c);
}

// -- messages that make their receivers fail
// ------------------------------------------------------------------------------------

void slot::count_failure(const call& c) {
  const auto& delivery = c.request.deliver();
  auto id = message_id(delivery.message());
  if (failing_.size() >= shared_.capacity.messages.failures_max && !failing_.contains(id)) {
    end_failure(failing_.begin()->first, failing_.begin()->second);
    failing_.erase(failing_.begin());
  }
  auto& known = failing_[id];
  known.to = delivery.message().to();
  if (++known.times != failures_max)
    return;
  auto why = "a message of workflow " + delivery.from().id() + " (" + id
             + ") made it fail again and again: it is not taken before the workflow is unparked";
  log_about_slot about{number_};
  log(log_level::error, "workflow " + known.to.id() + ": " + why);
  shared_.watch.messages_parked.add(1);
  shared_.parked.add({.namespace_id = known.to.namespace_id(),
                      .kind = kind_of(known.to),
                      .workflow_id = known.to.id(),
                      .run_id = {},
                      .why = std::move(why),
                      .since = shared_.time.now(),
                      .message_id = id});
}

void slot::end_failure(const std::string& id, const failing_message& failing) {
  if (failing.times < failures_max)
    return;
  shared_.watch.messages_parked.add(-1);
  shared_.parked.remove(failing.to.namespace_id(), kind_of(failing.to), failing.to.id(), id);
}

void slot::forget_failures(const entry& e) {
  std::erase_if(failing_, [&](const auto& known) {
    const auto& to = known.second.to;
    auto is_of_entry = to.id() == e.workflow_id && to.namespace_id() == e.namespace_id
                       && kind_of(to) == e.kind;
    if (is_of_entry)
      end_failure(known.first, known.second);
    return is_of_entry;
  });
}

void slot::forget_failures() {
  for (const auto& [id, failing] : failing_)
    end_failure(id, failing);
  failing_.clear();
}

// -- what may be forgotten
// ------------------------------------------------------------------------------------

void slot::tell_to_forget(store::slot_id slot, std::string message_id) {
  forgets_[slot].push_back(std::move(message_id));
  if (++forgets_count_ >= shared_.capacity.messages.forgets_max)
    return send_forgets();
  if (!forgets_at_)
    forgets_at_ = shared_.time.boot_time() + forgets_wait;
}

void slot::send_forgets() {
  forgets_count_ = 0;
  forgets_at_.reset();
  for (auto& [slot, ids] : std::exchange(forgets_, {})) {
    cluster::ExecutionRequest request;
    request.mutable_forget()->set_slot(slot);
    for (auto& id : ids)
      request.mutable_forget()->add_message_ids(std::move(id));
    send(shared_.routes.to(slot), peer_atom_v, std::uint64_t{number_}, std::move(request));
  }
}

/// Belongs to no run, and to no life of an execution. Should it fail, the sweep asks an hour later.
void slot::write_forgets(const cluster::Forget& forget) {
  auto x = std::make_shared<outcome>();
  x->appended = true;
  x->write.slot = number_;
  x->write.epoch = epoch_;
  auto now = shared_.time.now();
  for (const auto& id : forget.message_ids())
    x->write.inbox_forgets.push_back({.message_id = id, .forgotten_at = now});
  x->write_bytes = x->write.inbox_forgets.size() * 128;
  shared_.appends_sent.fetch_add(1, std::memory_order_relaxed);
  send(shared_.writer, append_atom_v, std::move(x));
}

} // namespace reprise::actors
