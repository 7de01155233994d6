#include "actors/run/execution.hpp"

#include "actors/call/errors.hpp"
#include "actors/call/returned_task.hpp"
#include "base/ensure.hpp"
#include "base/log.hpp"
#include "base/log_format.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace reprise::actors {

namespace {

/// About what the transition costs the database, to bound groups.
std::size_t bytes_of(const store::transition& t) {
  std::size_t n = 0;
  for (const auto& run : t.runs) {
    n += 512 + run.row.events.size() + run.row.facts.size();
    n += run.snap ? run.snap->state.size() : 0;
    n += run.visibility ? run.visibility->info.size() + 256 : 0;
  }
  for (const auto& row : t.backlog_adds)
    n += row.task.size() + 256;
  for (const auto& message : t.inbox_adds)
    n += message.answer.size() + message.sender.size() + 256;
  return n;
}

/// Where the answer to this call holds tasks, should it start some: a queue's is the task itself.
task_place place_of_tasks(const call& c, const engine::answer& said) {
  return c.by == call::origin::queue ? cluster::Reply::POLL : said.tasks;
}

/// Tokens of the task `first`, if it is one, and of those that `rest` holds there.
std::vector<std::string> tokens_in(std::string_view first, std::string_view rest,
                                   task_place where) {
  std::vector<std::string> out;
  for (auto token : task_tokens_of(first, cluster::Reply::POLL))
    out.emplace_back(token);
  if (where != cluster::Reply::POLL)
    for (auto token : task_tokens_of(rest, where))
      out.emplace_back(token);
  return out;
}

/// Nothing leaves but the answer to the call.
bool hands_out_only(const outcome& out) {
  return out.released.answers.size() == 1 && out.released.offers.empty();
}

/// The caller waits on, and nobody is told anything.
bool keeps_waiting(const outcome& out) {
  const auto& x = out.released;
  return x.caller_stays && x.answers.empty() && x.offers.empty();
}

cluster::Reply to_reply(engine::told said) {
  return said.failure ? actors::to_reply(*said.failure)
                      : actors::to_reply(std::move(said.response));
}

/// What queues and their workers look like from an execution.
class queue_outlook final : public engine::outlook {
public:
  queue_outlook(const services& shared, const std::string& namespace_id)
    : shared_(shared), namespace_id_(namespace_id) {
  }

  bool polled_since(const std::string& queue, cluster::Task::Kind kind,
                    time_point since) const override {
    return shared_.polled_since(
      {.namespace_id = namespace_id_, .name = queue, .kind = static_cast<int>(kind)}, since);
  }

private:
  const services& shared_;
  const std::string& namespace_id_;
};

error try_later() {
  return make_error(errc::unavailable, "The store cannot be read at the moment; please try again.");
}

} // namespace

execution::execution(caf::actor_config& config, execution_options options)
  : execution_actor::base(config),
    shared_(options.shared),
    options_(std::move(options)),
    machine_(options_.machine),
    ids_(shared_.seed ^ (options_.who->number * 0x9E37'79B9'7F4A'7C15U)),
    room_{.queries_max = shared_.capacity.workflow.queries_max,
          .queries_buffered_max = shared_.capacity.workflow.queries_buffered_max,
          .query_answer_bytes_max = shared_.bounds.blob_bytes_max} {
  shared_.executions.fetch_add(1, std::memory_order_relaxed);
}

void execution::on_exit() {
  shared_.executions.fetch_sub(1, std::memory_order_release);
}

execution_actor::behavior_type execution::make_behavior() {
  return {
    [this](call_atom, call_ptr& c) { on_call(c); },
    [this](loaded_atom, const std::shared_ptr<loaded_run>& loaded) { on_loaded(*loaded); },
    [this](loaded_atom, const gathering_ptr& g) { on_gathered(g); },
    [this](cancel_atom, std::uint64_t id, const bridge_actor& from) { on_gone(id, from); },
  };
}

// -- coming to life
// ---------------------------------------------------------------------------------

void execution::on_call(call_ptr& c) {
  if (dead_)
    return;
  if (phase_ == phase::unknown && !options_.load_first && machine_.begins(c->request))
    phase_ = phase::known;
  if (phase_ == phase::known)
    return handle(c);
  waiting_.push_back(std::move(c));
  if (phase_ == phase::unknown)
    load_current();
}

void execution::load_current() {
  phase_ = phase::loading;
  if (shared_.readers.post(lane::points, load_job({})))
    return;
  loaded_run refused{.what = loaded_run::outcome::unavailable};
  on_loaded(refused);
}

store_job execution::load_job(const std::string& run_id) {
  run_wanted which{
    .namespace_id = options_.namespace_id, .workflow_id = options_.workflow_id, .run_id = run_id};
  return [&shared = shared_, me = execution_actor{this}, kind = &machine_,
          which = std::move(which)] {
    auto before = [&shared] { shared.allocate(allocation::load); };
    caf::anon_send(
      me, loaded_atom_v,
      std::make_shared<loaded_run>(load_run(shared.db, *kind, which, shared.capacity.run, before)));
  };
}

void execution::load_older(const std::string& run_id, const call_ptr& c) {
  auto asked = std::any_of(waiting_for_older_.begin(), waiting_for_older_.end(),
                           [&](const waiting_call& w) { return w.run_id == run_id; });
  waiting_for_older_.push_back({run_id, c});
  if (asked)
    return;
  // The slot starts the job when all that this actor wrote is durable: reading earlier could miss
  // the end of a run that was current a moment ago.
  auto out = make_outcome(c);
  out->number = appends_;
  out->released.load = load_job(run_id);
  send(options_.slot, result_atom_v, std::move(out));
}

/// Null, and `loaded` is unavailable, when there is no memory for it.
std::unique_ptr<hosted_run> execution::host(loaded_run& loaded) {
  try {
    shared_.allocate(allocation::host);
    return std::make_unique<hosted_run>(machine_, std::move(loaded), shared_.capacity.run);
  } catch (const std::bad_alloc&) {
    loaded.what = loaded_run::outcome::unavailable;
    return nullptr;
  }
}

void execution::on_loaded(loaded_run& loaded) {
  if (dead_)
    return;
  if (loaded.what == loaded_run::outcome::unavailable)
    shared_.watch.store_read_failures.add();
  if (loaded.asked_run_id.empty())
    on_current_loaded(loaded);
  else
    on_older_loaded(loaded);
}

void execution::on_current_loaded(loaded_run& loaded) {
  auto waiting = std::exchange(waiting_, {});
  std::unique_ptr<hosted_run> found;
  if (loaded.what == loaded_run::outcome::found)
    found = host(loaded);
  switch (loaded.what) {
    case loaded_run::outcome::unavailable:
      phase_ = phase::unknown;
      for (const auto& c : waiting)
        guard(c, [&] { fail(c, try_later(), true); });
      return;
    case loaded_run::outcome::poisoned:
      options_.who->poison = loaded.text;
      options_.who->poisoned_run_id = loaded.head.run_id;
      dead_ = true;
      quit(caf::sec::runtime_error);
      return;
    case loaded_run::outcome::found:
      shared_.watch.rehydrated.add();
      current_ = std::move(found);
      if (options_.left)
        current_->adopt(std::move(options_.left));
      break;
    case loaded_run::outcome::absent:
      break;
  }
  phase_ = phase::known;
  news_due_ = true;
  for (const auto& c : waiting)
    handle(c);
}

void execution::on_older_loaded(loaded_run& loaded) {
  std::vector<call_ptr> ready;
  std::erase_if(waiting_for_older_, [&](waiting_call& w) {
    if (w.run_id != loaded.asked_run_id)
      return false;
    ready.push_back(std::move(w.what));
    return true;
  });
  std::unique_ptr<hosted_run> found;
  if (loaded.what == loaded_run::outcome::found)
    found = host(loaded);
  auto what = loaded.what;
  if (found) {
    keep_older(std::move(found));
    news_due_ = true;
  }
  for (const auto& c : ready)
    guard(c, [&] {
      if (what == loaded_run::outcome::unavailable)
        fail(c, try_later(), true);
      else if (what == loaded_run::outcome::poisoned)
        fail(c, make_error(errc::data_loss, "This run cannot be loaded: " + loaded.text), true);
      else
        route(c);
    });
}

void execution::keep_older(std::unique_ptr<hosted_run> run) {
  older_.insert(older_.begin(), std::move(run));
  // Whoever keeps one looks at it: a run that was just closed, or that a call named.
  if (older_.size() > std::max<std::size_t>(shared_.capacity.workflow.older_runs_max, 1))
    older_.pop_back();
}

hosted_run* execution::find_run(const std::string& run_id) {
  if (run_id.empty() || (current_ && current_->run_id() == run_id))
    return current_.get();
  for (auto& run : older_)
    if (run->run_id() == run_id)
      return run.get();
  return nullptr;
}

// -- deciding
// -----------------------------------------------------------------------------------------

template <class Work>
void execution::guard(const call_ptr& c, Work&& work) {
  if (dead_)
    return;
  // The state may be half changed. What was handed out is safe: it lies with the writer.
  auto end = [&](bool out_of_memory) {
    c->threw = true;
    c->out_of_memory = out_of_memory;
    dead_ = true;
    log_about_slot about{options_.slot_number};
    log_thrown(log_level::error, {"execution ", options_.workflow_id, " failed"});
    quit(caf::sec::runtime_error);
  };
  try {
    work();
  } catch (const std::bad_alloc&) {
    end(true);
  } catch (...) {
    end(false);
  }
}

void execution::handle(const call_ptr& c) {
  guard(c, [&] { route(c); });
}

void execution::route(const call_ptr& c) {
  if (c->to_do != call::chore::none)
    return do_chore(c);
  if (auto refusal = machine_.refusal(c->request))
    return fail(c, *refusal);
  if (machine_.begins(c->request))
    return decide(c, current_.get());
  const auto& run_id = machine_.run_of(c->request);
  auto concerns_current = current_ && machine_.concerns(current_->state(), c->request);
  auto* run = concerns_current ? current_.get() : find_run(run_id);
  if (run == nullptr && !run_id.empty() && c->tries_to_load == 0) {
    ++c->tries_to_load;
    return load_older(run_id, c);
  }
  decide(c, run);
}

// -- what decisions rest on besides
// ----------------------------------------------------------------

namespace {

/// Runs its steps as jobs of their own, so that other jobs come in between.
void gather_on(services& shared, const execution_actor& for_whom, const gathering_ptr& g) {
  if (!g->is_done())
    g->step(shared.db);
  if (!g->is_done() && shared.readers.post(lane::points, [&shared, for_whom, g] {
        gather_on(shared, for_whom, g);
      }))
    return;
  g->failed = !g->is_done() || g->failed;
  caf::anon_send(for_whom, loaded_atom_v, g);
}

} // namespace

gathering_ptr execution::begin_gathering(const call_ptr& c, engine::inquiry_ptr asked) {
  auto g = std::make_shared<gathering>();
  g->for_call = c;
  g->asked = std::move(asked);
  g->namespace_id = options_.namespace_id;
  g->kind = machine_.kind();
  g->workflow_id = options_.workflow_id;
  g->begun_at = shared_.time.now();
  g->to_key = shared_.keys.next(g->begun_at, options_.slot_number);
  g->step_bytes_max = shared_.capacity.run.gather_bytes_max;
  return g;
}

void execution::gather(const gathering_ptr& g) {
  // As with a load: the slot starts it when all is durable that this actor wrote.
  auto out = make_outcome(g->for_call);
  out->number = appends_;
  out->released.load = [&shared = shared_, me = execution_actor{this}, g] {
    gather_on(shared, me, g);
  };
  send(options_.slot, result_atom_v, std::move(out));
}

/// The sweep has to look for it when it is old enough.
void execution::note_copy_in_vain(const gathering& g) {
  if (g.copied_rows > 0)
    shared_.messages.copies_in_vain.fetch_add(1, std::memory_order_relaxed);
}

void execution::on_gathered(const gathering_ptr& g) {
  if (dead_)
    return;
  auto c = g->for_call;
  if (g->failed) {
    note_copy_in_vain(*g);
    return guard(c, [&] { fail(c, try_later(), true); });
  }
  gathered_.push_back(g);
  // The run may have left memory meanwhile.
  c->tries_to_load = 0;
  handle(c);
}

bool execution::completes(gathering& g) {
  while (auto end = g.asked->open_end()) {
    auto* run = find_run(end->run_id);
    // One that is not here is closed by now, and the store has its end.
    auto next = run != nullptr ? machine_.standing_of(run->state()).next_event_id : 0;
    if (next == end->next_event_id)
      break;
    engine::page_request want{.first = end->next_event_id,
                              .last = next - 1,
                              .batches_max = next,
                              .bytes_max = shared_.capacity.run.tail_bytes_max};
    auto got = run != nullptr ? run->tail().read(want) : std::nullopt;
    if (!got || !got->complete) {
      g.asked->go_on();
      return false;
    }
    g.asked->take(
      {.first_event_id = want.first, .event_count = next - want.first, .events = got->events});
    g.asked->no_more(true);
    // What is to be copied has to be read where it lies.
    auto now = g.asked->open_end();
    if (now && now->run_id == end->run_id && now->next_event_id == end->next_event_id) {
      g.asked->go_on();
      return false;
    }
  }
  return g.is_done();
}

engine::decision execution::ask_machine(const call_ptr& c, hosted_run* run,
                                        const namespace_entry& ns, const gathering* known) {
  const engine::context context{
    .now = shared_.time.now(), .ids = ids_, .ns = ns.facts, .bounds = shared_.bounds};
  const queue_outlook around{shared_, options_.namespace_id};
  // The session may keep the request for longer than this: the call that it is part of lives on.
  const std::shared_ptr<cluster::ExecutionRequest> request{c, &c->request};
  engine::run_state none;
  auto is_other = run != nullptr && current_ && run != current_.get();
  return machine_.decide(run != nullptr ? run->state() : none, session_,
                         {.request = request,
                          .caller = ++callers_,
                          .c = context,
                          .around = around,
                          .room = room_,
                          .current = is_other ? &current_->state() : nullptr,
                          .known = known != nullptr ? known->asked : nullptr,
                          .again = c->tries > 0});
}

/// Of a run whose namespace is gone: it is the upkeep's to erase. Until that has come as far, a
/// deadline stays due.
void execution::decide_nothing(const call_ptr& c, const hosted_run* run, bool has_record) {
  const auto& r = c->request;
  auto is_reoffer = r.has_reoffer() && !r.reoffer().only_messages();
  // There is none yet in a node that is about to begin.
  auto upkeep = shared_.upkeep.get();
  if (upkeep && run != nullptr && !has_record && (r.has_wake() || is_reoffer))
    send(upkeep, lost_atom_v, options_.namespace_id);
  auto comes_again = run != nullptr
                     && (r.has_wake() || (is_reoffer && c->by == call::origin::slot));
  fail(c, namespace_gone(), comes_again);
}

void execution::decide(const call_ptr& c, hosted_run* run) {
  auto ns = shared_.namespaces.find_by_id(options_.namespace_id);
  if (!ns || ns->is_deleted())
    return decide_nothing(c, run, ns != nullptr);
  gathering_ptr known;
  if (auto i = std::ranges::find(gathered_, c, [](const auto& g) { return g->for_call; });
      i != gathered_.end()) {
    known = std::move(*i);
    gathered_.erase(i);
    if (!completes(*known))
      return gather(known);
  }
  if (shared_.before_decision)
    shared_.before_decision(c->request);
  shared_.allocate(allocation::decide);
  auto done = ask_machine(c, run, *ns, known.get());
  if (!done.goes_to.empty()) {
    c->request.set_run_id(done.goes_to);
    c->tries_to_load = 0;
    return route(c);
  }
  if (done.asks) {
    ENSURE(run != nullptr, "histories are those of a run");
    // It is about this run, whichever is the current one when the histories are read.
    c->request.set_run_id(run->run_id());
    return gather(begin_gathering(c, std::move(done.asks)));
  }
  if (known && !done.successor)
    note_copy_in_vain(*known);
  shared_.allocate(allocation::evolve);
  auto out = make_outcome(c);
  out->released.offers = std::move(done.offers);
  out->released.messages = std::move(done.messages);
  out->released.forget = done.forget;
  out->released.obsolete_task = c->by == call::origin::queue
                                && (done.obsolete_task || done.reply.now.failure);
  out->released.wait = std::move(done.reply.wait);
  if (done.successor)
    ENSURE(run == nullptr || run == current_.get() || known,
           "only the current run has a successor, but for what was read of another one");
  auto held = done.may_leave_early && run == current_.get();
  if (held)
    run->hold(std::exchange(done.written, {}));
  if (!done.only_read)
    write_decision(*out, done, run, ns->facts, known.get());
  if (done.taken)
    take_message(*out, std::move(*done.taken), run);
  settle_callers(*out, done);
  auto* shown = done.reply.page_of_successor ? current_.get() : run;
  auto whole = !out->released.obsolete_task && add_answer(*out, done.reply, shown);
  // What is offered again may have ended the server that handed it out.
  if (held && whole && hands_out_only(*out) && run->scheduled_task_here())
    out->released.early_start = run->held();
  if (done.erase && run != nullptr) {
    if (run == current_.get())
      current_.reset();
    else
      std::erase_if(older_, [run](const auto& x) { return x.get() == run; });
  }
  deliver(std::move(out));
}

/// Those who waited and wait no more, the caller who waits from now on, and what of the session
/// others have to hear.
void execution::settle_callers(outcome& out, engine::decision& done) {
  for (auto& other : done.others) {
    auto found = std::find_if(staying_.begin(), staying_.end(),
                              [&](const staying& s) { return s.number == other.to; });
    ENSURE(found != staying_.end(), "who is told something waits for it");
    add_reply(out, *found->what, to_reply(std::move(other.what)));
    staying_.erase(found);
  }
  out.released.caller_stays = done.caller_stays;
  if (done.caller_stays) {
    staying_.push_back({callers_, out.what});
    shared_.watch.used.workflow_queries.note(staying_.size());
  }
  if (done.session_full)
    shared_.watch.refused.workflow_queries.add();
  // Decisions of their own, by way of the slot: this one is made already.
  for (auto& task : done.unanswered)
    send(options_.slot, refuse_atom_v, std::move(task), true);
}

void execution::on_gone(std::uint64_t id, const bridge_actor& from) {
  std::erase_if(staying_, [&](const staying& s) {
    auto gone = s.what->id == id && s.what->from == from;
    if (gone)
      session_->drop(s.number);
    return gone;
  });
}

void execution::write_decision(outcome& out, engine::decision& done, hosted_run* run,
                               const engine::namespace_facts& ns, const gathering* known) {
  shared_.allocate(allocation::encode);
  const auto& types = ns.search_attributes;
  auto& runs = out.write.runs;
  auto was_open = run != nullptr && run->open();
  if (run != nullptr) {
    if (done.erase)
      runs.push_back(run->erase());
    else if (!done.written.empty())
      runs.push_back(
        run->append(std::move(done.written), done.visibility_changed ? &types : nullptr));
    else if (auto touched = run->touch())
      runs.push_back(std::move(*touched));
    else if (done.successor && run->held() == nullptr)
      runs.push_back(run->confirm());
    if (run != current_.get() || done.successor)
      out.released.other = run->news();
    if (done.erase) {
      auto& news = run == current_.get() ? out.released.current : out.released.other;
      news = run->news();
      news->timer_at.reset();
      news->open = false;
    }
    if (was_open && !run->open())
      shared_.watch.closed(machine_.kind(), run->head().status);
  }
  if (!done.successor)
    return;
  if (run != nullptr && current_ && run != current_.get())
    write_other(out, done, types);
  begin_successor(out, done, types, known);
}

/// The current run gives way to one that follows another.
void execution::write_other(outcome& out, engine::decision& done,
                            const protocol::search_attribute_types& types) {
  if (done.current_written.empty()) {
    if (current_->held() == nullptr)
      out.write.runs.push_back(current_->confirm());
    return;
  }
  auto was_open = current_->open();
  out.write.runs.push_back(current_->append(std::move(done.current_written), &types));
  out.released.other = current_->news();
  if (was_open && !current_->open())
    shared_.watch.closed(machine_.kind(), current_->head().status);
}

void execution::begin_successor(outcome& out, engine::decision& done,
                                const protocol::search_attribute_types& types,
                                const gathering* known) {
  auto& begun = *done.successor;
  ENSURE(!begun.on_copy || (known != nullptr && known->is_copied), "what it begins with is copied");
  auto key = begun.on_copy ? known->to_key
                           : shared_.keys.next(shared_.time.now(), options_.slot_number);
  auto next = std::make_unique<hosted_run>(machine_, std::move(begun.state), key,
                                           options_.slot_number, shared_.capacity.run);
  if (begun.on_copy)
    next->stand_on(known->copied_rows);
  out.write.runs.push_back(next->create(std::move(begun.written), types));
  out.write.currents.push_back({.namespace_id = options_.namespace_id,
                                .kind = machine_.kind(),
                                .workflow_id = options_.workflow_id,
                                .expected_run_id = current_ ? current_->run_id() : std::string{},
                                .run_id = next->run_id(),
                                .key = key});
  if (current_ && !done.erase)
    keep_older(std::move(current_));
  current_ = std::move(next);
}

/// The answer goes to the sender when it is durable, and is remembered where the state does not
/// tell a copy from the first one.
void execution::take_message(outcome& out, engine::message_answer said, const hosted_run* run) {
  const auto& delivery = out.what->request.deliver();
  auto& told = out.released.told_sender.emplace();
  told.set_run_id(delivery.message().run_id());
  told.set_number(delivery.message().number());
  told.set_word(delivery.message().word());
  *told.mutable_answer() = std::move(said.answer);
  auto remember = [&](const outbox::Answered& what) {
    out.write.inbox_adds.push_back({.message_id = message_id(what),
                                    .answer = what.SerializeAsString(),
                                    .sender = delivery.from().SerializeAsString(),
                                    .taken_at = shared_.time.now()});
  };
  if (said.refuses) {
    remember(*said.refuses);
    // Its sender waits for no answer: the copies that are on their way are the last.
    out.write.inbox_forgets.push_back(
      {.message_id = message_id(*said.refuses), .forgotten_at = shared_.time.now()});
  }
  if (!said.is_remembered)
    return;
  remember(told);
  // What it says of a run must not outlive what it rests on.
  if (out.write.runs.empty() && run != nullptr && run->held() == nullptr)
    out.write.runs.push_back(run->confirm());
}

bool execution::add_answer(outcome& out, engine::answer& said, const hosted_run* run) {
  if (out.released.caller_stays || out.released.wait)
    return false;
  auto where = place_of_tasks(*out.what, said);
  if (!said.page) {
    reply(out, to_reply(std::move(said.now)), where);
    return true;
  }
  ENSURE(run != nullptr, "a page is of a run");
  auto& plan = *said.page;
  if (auto got = run->tail().read(plan.want)) {
    auto whole = got->complete;
    reply(out, to_reply(engine::finish_page(std::move(plan), std::move(*got))), where);
    return whole;
  }
  reply(out, {}, where);
  if (out.released.answers.empty())
    return false;
  auto& later = out.released.answers.back();
  later.task_tokens = tokens_in(plan.message, plan.prefix, where);
  if (!later.task_tokens.empty()) {
    later.reply.set_tasks(where);
    out.returns = shared_.returns;
  }
  later.read = [plan = std::move(plan), key = run->head().key](store::store& db) {
    auto got = read_page(db, key, plan.want);
    return got ? to_reply(engine::finish_page(plan, std::move(*got))) : to_reply(got.error());
  };
  return false;
}

void execution::do_chore(const call_ptr& c) {
  auto out = make_outcome(c);
  if (c->to_do == call::chore::snapshot && current_ && current_->rows_behind_snapshot() > 0)
    out->write.runs.push_back(current_->snapshot_only());
  deliver(std::move(out));
}

// -- handing out
// ----------------------------------------------------------------------------------------

outcome_ptr execution::make_outcome(const call_ptr& c) {
  auto out = std::make_shared<outcome>();
  out->what = c;
  out->who = options_.who;
  return out;
}

void execution::add_reply(outcome& out, const call& c, cluster::Reply r) {
  out.released.answers.push_back({.id = c.id, .to = c.from, .reply = std::move(r), .read = {}});
}

void execution::reply(outcome& out, cluster::Reply r, task_place where) {
  const auto& c = *out.what;
  if (r.has_status())
    where = cluster::Reply::NOWHERE;
  if (where != cluster::Reply::NOWHERE && !task_tokens_of(r.response(), where).empty()) {
    r.set_tasks(where);
    out.returns = shared_.returns;
  }
  if (c.from)
    add_reply(out, c, std::move(r));
}

void execution::fail(const call_ptr& c, const error& e, bool try_again) {
  auto out = make_outcome(c);
  if (c->by != call::origin::queue)
    reply(*out, to_reply(e), cluster::Reply::NOWHERE);
  else
    out->released.obsolete_task = !try_again;
  out->released.try_again = try_again;
  deliver(std::move(out));
}

std::size_t execution::resident_bytes() {
  auto bytes = current_->resident_bytes() + (session_ ? session_->bytes() : 0);
  for (auto& run : older_)
    bytes += run->resident_bytes();
  return bytes;
}

void execution::deliver(outcome_ptr out) {
  constexpr std::uint64_t estimate_every = 16;
  // More than a common workflow writes in all: measuring is not free.
  constexpr std::size_t unreported_max = 8U << 10;
  out->what->decided = true;
  shared_.allocate(allocation::tell);
  if (session_)
    out->released.callers_due = session_->next_deadline();
  out->write.slot = options_.slot_number;
  // Whatever leaves rests on the start that is held back, but for the hand-out itself.
  auto early = out->released.early_start != nullptr;
  if (current_ && !early && !keeps_waiting(*out))
    if (auto held = current_->flush())
      out->write.runs.push_back(std::move(*held));
  out->appended = !out->write.runs.empty() || !out->write.inbox_adds.empty();
  if (out->released.caller_stays)
    unreported_ += out->what->request.request_bytes();
  for (const auto& run : out->write.runs)
    unreported_ += run.row.events.size() + run.row.facts.size();
  if (current_) {
    out->rows_behind_snapshot = current_->rows_behind_snapshot();
    if (out->appended || news_due_ || early || out->what->request.has_wake())
      out->released.current = current_->news();
    if (news_due_ || unreported_ > unreported_max
        || (out->appended && appends_ % estimate_every == 0)) {
      out->resident_bytes = resident_bytes();
      unreported_ = 0;
    }
    news_due_ = false;
  }
  if (!out->appended) {
    out->number = appends_;
    send(options_.slot, result_atom_v, std::move(out));
    return;
  }
  out->number = ++appends_;
  out->write.epoch = options_.epoch;
  out->write.incarnation = options_.who->number;
  out->write_bytes = bytes_of(out->write);
  shared_.appends_sent.fetch_add(1, std::memory_order_relaxed);
  send(shared_.writer, append_atom_v, std::move(out));
}

} // namespace reprise::actors
