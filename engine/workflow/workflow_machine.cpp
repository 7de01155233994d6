#include "engine/workflow/workflow_machine.hpp"

#include "base/ensure.hpp"
#include "engine/child/child.hpp"
#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "engine/machine/features.hpp"
#include "engine/outbox/outbox.hpp"
#include "engine/task/speculative.hpp"
#include "engine/update/update_calls.hpp"
#include "engine/workflow/listing.hpp"
#include "engine/workflow/reset.hpp"
#include "engine/workflow/workflow_session.hpp"

#include <utility>

namespace reprise::engine {

namespace {

using body = cluster::ExecutionRequest;

/// A worker that was not seen for so long may be down.
constexpr duration poller_is_recent = std::chrono::seconds{20};

/// The state; null when there is no run.
execution* execution_of(run_state& run) {
  return run ? &run.as<execution>() : nullptr;
}

workflow_session* session_in(const session_ptr& held) {
  return static_cast<workflow_session*>(held.get());
}

workflow_session& session_of(session_ptr& held, const asked& q) {
  if (!held)
    held = std::make_unique<workflow_session>(q.room);
  return *session_in(held);
}

query_registry& queries_of(session_ptr& held, const asked& q) {
  return session_of(held, q).queries;
}

/// What a decision knows: of the session, too.
context context_of(const session_ptr& held, const asked& q) {
  return held ? session_in(held)->shown_to(q.c) : q.c;
}

decision refused(error why) {
  decision out{.only_read = true};
  out.reply.now.failure = std::move(why);
  return out;
}

decision no_run(const asked& q, const std::string& run_id) {
  return refused(workflow_not_found(q.request->workflow_id(), run_id));
}

decision answered(std::string response) {
  decision out{.only_read = true};
  out.reply.now.response = std::move(response);
  return out;
}

// -- queries: the registry decides
// ------------------------------------------------------------------------------------------

/// The run's speculative workflow task; null: there is none.
const journal::WorkflowTaskState* unwritten_task(const execution& x, const workflow_session& held) {
  return held.task && held.task->run_id == x.created().run_id() ? &held.task->task : nullptr;
}

void add_queries(decision& out, query_step done, const asked& q) {
  for (auto& r : done.replies)
    out.others.push_back(std::move(r));
  for (auto& task : done.offers)
    out.offers.push_back(std::move(task));
  if (done.lost_sticky_queue.empty())
    return;
  auto& task = out.unanswered.emplace_back();
  task.set_namespace_id(q.request->namespace_id());
  task.set_workflow_id(q.request->workflow_id());
  task.set_task_queue(std::move(done.lost_sticky_queue));
}

decision ask_query(const execution* x, session_ptr& held, const asked& q) {
  if (x == nullptr)
    return no_run(q, q.request->run_id());
  auto& session = session_of(held, q);
  auto done = session.queries.on_query(q.caller, q.request, *x, q.c.ids, q.c.now,
                                       unwritten_task(*x, session));
  decision out{.only_read = true};
  out.session_full = done.full;
  out.caller_stays = done.replies.empty();
  if (!out.caller_stays)
    out.reply.now = std::move(done.replies.front().what);
  out.offers = std::move(done.offers);
  return out;
}

decision start_query_task(const execution* x, session_ptr& held, const asked& q) {
  decision out{.only_read = true};
  auto splice = x == nullptr
                  ? std::nullopt
                  : queries_of(held, q).on_query_task_started(q.request->start_query_task(), *x);
  if (splice)
    out.reply.page = plan_poll(std::move(*splice), {}, x->created().run_id());
  else
    out.obsolete_task = true;
  return out;
}

decision complete_query(session_ptr& held, const asked& q) {
  auto done = queries_of(held, q).on_answer(*q.request);
  if (!done)
    return refused(std::move(done).error());
  decision out{.only_read = true};
  add_queries(out, std::move(*done), q);
  return out;
}

decision take_back_query(session_ptr& held, const asked& q) {
  decision out{.only_read = true};
  add_queries(out, queries_of(held, q).on_task_returned(q.request->token().query_id()), q);
  return out;
}

decision refuse_query(session_ptr& held, const asked& q) {
  decision out{.only_read = true};
  add_queries(out, queries_of(held, q).on_gave_way(q.request->refuse_query()), q);
  return out;
}

/// What a step means for the queries, and time for those that waited too long. `x`: the run that it
/// was asked of, if any.
void queries_after(decision& out, step& done, const execution* x, workflow_session& held,
                   const asked& q) {
  const auto& request = *q.request;
  auto& queries = held.queries;
  if (x != nullptr && done.erase) {
    add_queries(out, queries.on_erased(*x), q);
  } else if (x != nullptr) {
    auto completed = request.has_complete_workflow_task() && !done.answer.failure;
    add_queries(out,
                queries.on_step(*x, completed ? &request.complete_workflow_task() : nullptr,
                                q.c.now, unwritten_task(*x, held)),
                q);
  }
  if (request.has_wake()) {
    auto polled = [&](const std::string& queue) {
      return q.around.polled_since(queue, cluster::Task::WORKFLOW, q.c.now - poller_is_recent);
    };
    add_queries(out, queries.expire(q.c.now, polled), q);
  }
  if (!request.has_reoffer() || request.reoffer().only_messages())
    return;
  const auto& reoffer = request.reoffer();
  add_queries(out,
              reoffer.sticky_unavailable() ? queries.on_sticky_unavailable(reoffer.task_queue())
                                           : queries.on_queue_lost(reoffer.task_queue()),
              q);
}

/// Where the answer holds tasks, should the request start some.
cluster::Reply::TaskPlace place_of_tasks(const body& request) {
  switch (request.body_case()) {
    case body::kCompleteWorkflowTask:
      return cluster::Reply::COMPLETION;
    case body::kStart:
      return cluster::Reply::START;
    default:
      return cluster::Reply::NOWHERE;
  }
}

// -- updates: decided with the session
// ------------------------------------------------------------------------------------------

decision ask_update(const execution* x, session_ptr& held, const asked& q) {
  return x == nullptr ? no_run(q, q.request->run_id()) : decide_update(*x, session_of(held, q), q);
}

/// The worker whose token the request brings had the run's task until now.
bool holds_task(const execution* x, const context& c, const cluster::ExecutionRequest& request) {
  return x != nullptr && is_open(*x)
         && (request.has_complete_workflow_task() || request.has_take_back())
         && is_held_by(task_of(*x, c), request.token());
}

/// An answer that was refused as a whole, or a task that nobody got: what was sent with it is sent
/// again. A speculative task is made anew, since nothing tells its worker to answer once more.
void undo_sending(decision& out, const execution& x, workflow_session& held, const asked& q) {
  held.updates.send_again();
  if (!held.task || held.task->task.started_event_id() == 0)
    return;
  held.task->task = make_speculative_task(x, q.c);
  out.offers.push_back(speculative_offer(x, held.task->task));
}

/// What a step means for updates. `had_task`: see holds_task.
void updates_after(decision& out, const step& done, const execution& x, workflow_session& held,
                   const asked& q, bool had_task) {
  const auto& request = *q.request;
  task_answer answer;
  auto answered = had_task && request.has_complete_workflow_task();
  if (answered && !done.answer.failure) {
    answer.taken = &request.complete_workflow_task();
    answer.goes_on = answer.taken->force_create_new_workflow_task();
  } else if (had_task && holds_task(&x, held.shown_to(q.c), request)) {
    undo_sending(out, x, held, q);
  } else if (answered) {
    answer.failed_task = done.answer.failure->code == errc::invalid_argument;
  } else if (had_task) {
    held.updates.send_again();
  }
  for (auto& r : held.updates.after(x, answer))
    out.others.push_back(std::move(r));
  if (request.has_wake())
    for (auto& r : held.updates.expire(x, q.c.now))
      out.others.push_back(std::move(r));
}

void ensure_sound(const execution& x, const workflow_session& held) {
  if (!held.task || held.task->run_id != x.created().run_id())
    return;
  ENSURE(is_open(x) && x.workflow_task().scheduled_event_id() == 0,
         "a speculative task is the only one of its run");
  ENSURE(held.task->task.scheduled_event_id() == x.next_event_id(),
         "nothing is written behind a speculative task");
}

/// What a step means for what the id holds besides its runs. `x`: the run that was asked, if any.
void session_after(decision& out, step& done, const execution* x, workflow_session& held,
                   const asked& q, bool had_task) {
  if (done.speculative_changed)
    held.task = std::move(done.speculative);
  if (x != nullptr)
    updates_after(out, done, *x, held, q, had_task);
  queries_after(out, done, x, held, q);
  if (x == nullptr)
    return;
  ensure_sound(*x, held);
  // Whoever takes the run's workflow task takes what waits for it too.
  if (!done.answer.history || done.obsolete_task)
    return;
  auto& message = done.answer.history->message;
  message += held.queries.on_workflow_task_started(*x, unwritten_task(*x, held));
  auto goes_on = q.request->has_complete_workflow_task()
                 && q.request->complete_workflow_task().force_create_new_workflow_task();
  message += held.updates.on_task_started(*x, task_of(*x, held.shown_to(q.c)), goes_on);
}

// -- what the run answers
// ------------------------------------------------------------------------------------------

decision read_history(const execution* x, const session_ptr& held, const asked& q) {
  if (x == nullptr)
    return no_run(q, history_run_id(*q.request));
  auto read = decide_history(*x, *q.request, context_of(held, q));
  decision out{.only_read = true};
  if (read.response)
    out.reply.now.response = std::move(*read.response);
  out.reply.page = std::move(read.plan);
  out.reply.wait = std::move(read.wait);
  return out;
}

decision decide_step(run_state& run, session_ptr& held, const asked& q) {
  std::optional<execution> state;
  if (run)
    state = std::move(run.as<execution>());
  const auto c = context_of(held, q);
  auto had_task = state && holds_task(&*state, c, *q.request);
  auto done = decide(std::move(state), *q.request, c);
  ENSURE(done.current.has_value() == static_cast<bool>(run), "a step keeps the run it was given");
  if (run)
    run.as<execution>() = std::move(*done.current);
  decision out;
  out.offers = std::move(done.offers);
  if (held)
    session_after(out, done, execution_of(run), *session_in(held), q, had_task);
  if (done.successor)
    out.successor = begun_run{.state = make_run_state(std::move(done.successor->state)),
                              .written = std::move(done.successor->written)};
  out.written = std::move(done.written);
  out.visibility_changed = done.visibility_changed;
  out.erase = done.erase;
  out.obsolete_task = done.obsolete_task;
  out.may_leave_early = done.may_leave_early;
  out.messages = std::move(done.messages);
  out.taken = std::move(done.taken);
  out.forget = done.forget;
  out.reply.tasks = place_of_tasks(*q.request);
  auto& said = done.answer;
  if (!said.history) {
    out.reply.now = {.failure = std::move(said.failure), .response = std::move(said.response)};
    return out;
  }
  // A start's answer may carry the new run's history; any other shows that of the run it asked.
  out.reply.page_of_successor = out.successor
                                && (q.request->has_start() || q.request->has_signal_with_start());
  ENSURE(out.reply.page_of_successor || run, "a history needs a run");
  const auto& shown = (out.reply.page_of_successor ? out.successor->state : run).as<execution>();
  out.reply.page = plan_poll(std::move(*said.history), std::move(said.response),
                             shown.created().run_id());
  return out;
}

/// The dedupe of the API: the request id of the current run's start, and nothing else. Of this
/// server: a reset whose commit has an unknown outcome is not done a second time.
bool is_done(const execution& base, const execution& current, const asked& q) {
  const auto& id = q.request->reset().request_id();
  return id == current.created().start_request_id()
         || (q.again && id == current.created().reset_request_id()
             && base.created().run_id() == current.created().reset_from_run_id());
}

decision reset_to(const std::string& run_id) {
  service::ResetWorkflowExecutionResponse response;
  response.set_run_id(run_id);
  return answered(response.SerializeAsString());
}

decision ask_for(inquiry_ptr what) {
  decision out{.only_read = true};
  out.asks = std::move(what);
  return out;
}

/// What the id holds for a run that was ended for another one.
void session_after_end(decision& out, const execution& ended, workflow_session& held,
                       const asked& q) {
  held.task.reset();
  for (auto& r : held.updates.after(ended, {}))
    out.others.push_back(std::move(r));
  add_queries(out, held.queries.on_step(ended, nullptr, q.c.now), q);
}

decision decide_reset(run_state& run, session_ptr& held, const asked& q) {
  if (!run)
    return no_run(q, q.request->run_id());
  auto& base = run.as<execution>();
  auto* other = q.current != nullptr ? execution_of(*q.current) : nullptr;
  auto& current = other != nullptr ? *other : base;
  const auto& request = q.request->reset();
  if (auto problem = reset_problem(base, request))
    return refused(std::move(*problem));
  if (is_done(base, current, q))
    return reset_to(current.created().run_id());
  if (!q.known)
    return ask_for(plan_reset(base, request, q.c));
  auto& known = static_cast<fork&>(*q.known);
  auto was_open = is_open(current);
  const auto c = context_of(held, q);
  auto done = reset(base, other, request, known, c);
  if (done.refusal)
    return refused(std::move(*done.refusal));
  auto out = reset_to(done.made->state.created().run_id());
  out.only_read = false;
  out.written = std::move(done.base_written);
  out.current_written = std::move(done.current_written);
  out.visibility_changed = other == nullptr;
  out.successor = begun_run{.state = make_run_state(std::move(done.made->state)),
                            .written = std::move(done.made->written),
                            .on_copy = true};
  out.offers = std::move(done.offers);
  out.messages = std::move(done.messages);
  if (held && was_open)
    session_after_end(out, current, *session_in(held), q);
  return out;
}

/// A start and an update in one: the current run takes the update, or the start is decided first.
decision decide_update_with_start(run_state& run, session_ptr& held, const asked& q) {
  auto& session = session_of(held, q);
  if (const auto* x = execution_of(run))
    if (auto done = update_existing(*x, session, q))
      return std::move(*done);
  const auto start = std::make_shared<cluster::ExecutionRequest>(start_of(*q.request));
  auto out = decide_step(run, held, {start, q.caller, q.c, q.around, q.room});
  follow_start(out, out.successor ? &out.successor->state.as<execution>() : nullptr, session, q);
  return out;
}

class workflow_machine final : public machine {
public:
  constexpr workflow_machine() = default;

  machine_kind kind() const noexcept override {
    return machine_kind::workflow;
  }

  bool begins(const cluster::ExecutionRequest& request) const override {
    return request.has_start() || request.has_signal_with_start() || request.has_update_with_start()
           || (request.has_deliver() && begins_run(request.deliver().message()));
  }

  bool concerns(const run_state& current, const cluster::ExecutionRequest& request) const override {
    const auto& x = current.as<execution>();
    if (request.has_answered())
      return answered_message(x, request.answered()) != nullptr;
    const auto& message = request.deliver().message();
    return message.has_child_closed() && has_child_of(x, message.child_closed());
  }

  const std::string& run_of(const cluster::ExecutionRequest& request) const override;

  std::optional<error> refusal(const cluster::ExecutionRequest& request) const override {
    return request.has_get_history() ? check_history_token(request.get_history()) : std::nullopt;
  }

  decision decide(run_state& run, session_ptr& held, const asked& q) const override;

  run_state make_state() const override {
    return make_run_state(execution{});
  }

  std::size_t least_bytes() const noexcept override {
    return sizeof(execution);
  }

  bool evolve(run_state& run, const record& row) const override {
    return engine::evolve(run.as<execution>(), row);
  }

  record joined(record first, record then) const override {
    return engine::joined(std::move(first), std::move(then));
  }

  standing standing_of(const run_state& run) const override {
    const auto& x = run.as<execution>();
    return {.namespace_id = x.created().namespace_id(),
            .id = x.created().workflow_id(),
            .run_id = x.created().run_id(),
            .next_event_id = x.next_event_id(),
            .status = static_cast<int>(x.status()),
            .open = is_open(x),
            .early_task = x.workflow_task().scheduled_event_id()};
  }

  std::optional<time_point> next_deadline(const run_state& run) const override {
    return engine::next_deadline(run.as<execution>());
  }

  std::optional<time_point> undelivered_since(const run_state& run) const override {
    return engine::undelivered_since(run.as<execution>());
  }

  std::vector<cluster::Task> undelivered_tasks(const run_state& run,
                                               time_point now) const override {
    return engine::undelivered_tasks(run.as<execution>(), now);
  }

  listing list(const run_state& run, const protocol::search_attribute_types& types) const override {
    return listing_of(run.as<execution>(), types);
  }
};

const std::string& workflow_machine::run_of(const cluster::ExecutionRequest& r) const {
  switch (r.body_case()) {
    case body::kGetHistory:
      return history_run_id(r);
    case body::kStartWorkflowTask:
      return r.start_workflow_task().task().run_id();
    case body::kStartActivityTask:
      return r.start_activity_task().task().run_id();
    case body::kStartQueryTask:
      return r.start_query_task().task().run_id();
    case body::kDeliver:
      return engine::run_of(r.deliver().message());
    case body::kAnswered:
      return r.run_id().empty() ? r.answered().run_id() : r.run_id();
    default:
      return r.run_id().empty() ? r.token().run_id() : r.run_id();
  }
}

decision workflow_machine::decide(run_state& run, session_ptr& held, const asked& q) const {
  const auto* x = execution_of(run);
  switch (q.request->body_case()) {
    case body::kGetHistory:
      return read_history(x, held, q);
    case body::kDescribe:
      return x == nullptr ? no_run(q, q.request->run_id())
                          : answered(describe(*x, context_of(held, q)).SerializeAsString());
    case body::kQuery:
      return ask_query(x, held, q);
    case body::kStartQueryTask:
      return start_query_task(x, held, q);
    case body::kCompleteQuery:
      return complete_query(held, q);
    case body::kRefuseQuery:
      return refuse_query(held, q);
    case body::kReset:
      return decide_reset(run, held, q);
    case body::kAnswered:
      if (x != nullptr)
        if (const auto& to = moved_to(*x, q.request->answered()); !to.empty())
          return decision{.only_read = true, .goes_to = to};
      return decide_step(run, held, q);
    case body::kUpdate:
    case body::kPollUpdate:
      return ask_update(x, held, q);
    case body::kUpdateWithStart:
      return decide_update_with_start(run, held, q);
    case body::kUnpark:
      // That the run is here says it all.
      return x == nullptr ? no_run(q, {}) : answered({});
    case body::kTakeBack:
      if (q.request->token().kind() == cluster::TaskToken::QUERY)
        return take_back_query(held, q);
      [[fallthrough]];
    default:
      return decide_step(run, held, q);
  }
}

} // namespace

const machine& the_workflow_machine() noexcept {
  static constinit const workflow_machine instance;
  return instance;
}

} // namespace reprise::engine
