#include "engine/workflow/workflow_machine.hpp"

#include "base/ensure.hpp"
#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "engine/machine/features.hpp"
#include "engine/outbox/outbox.hpp"
#include "engine/workflow/listing.hpp"
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

query_registry& queries_of(session_ptr& held, const asked& q) {
  if (!held)
    held = std::make_unique<workflow_session>(q.room);
  return static_cast<workflow_session&>(*held).queries;
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
  auto done = queries_of(held, q).on_query(q.caller, q.request, *x, q.c.ids, q.c.now);
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
void queries_after(decision& out, step& done, const execution* x, query_registry& queries,
                   const asked& q) {
  const auto& request = *q.request;
  if (x != nullptr) {
    auto completed = request.has_complete_workflow_task() && !done.answer.failure;
    add_queries(
      out, queries.on_step(*x, completed ? &request.complete_workflow_task() : nullptr, q.c.now),
      q);
    // Whoever takes the run's workflow task takes the queries that wait for it too.
    if (done.answer.history && !done.obsolete_task)
      done.answer.history->message += queries.on_workflow_task_started(*x);
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

// -- what the run answers
// ------------------------------------------------------------------------------------------

decision read_history(const execution* x, const asked& q) {
  if (x == nullptr)
    return no_run(q, history_run_id(*q.request));
  auto read = decide_history(*x, *q.request, q.c.now);
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
  auto done = decide(std::move(state), *q.request, q.c);
  ENSURE(done.current.has_value() == static_cast<bool>(run), "a step keeps the run it was given");
  if (run)
    run.as<execution>() = std::move(*done.current);
  decision out;
  out.offers = std::move(done.offers);
  if (held)
    queries_after(out, done, execution_of(run), queries_of(held, q), q);
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

class workflow_machine final : public machine {
public:
  constexpr workflow_machine() = default;

  machine_kind kind() const noexcept override {
    return machine_kind::workflow;
  }

  bool begins(const cluster::ExecutionRequest& request) const override {
    return request.has_start() || request.has_signal_with_start();
  }

  bool concerns(const run_state& current, const cluster::ExecutionRequest& request) const override {
    return request.has_answered()
           && answered_message(current.as<execution>(), request.answered()) != nullptr;
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
      return r.answered().run_id();
    default:
      return r.run_id().empty() ? r.token().run_id() : r.run_id();
  }
}

decision workflow_machine::decide(run_state& run, session_ptr& held, const asked& q) const {
  const auto* x = execution_of(run);
  switch (q.request->body_case()) {
    case body::kGetHistory:
      return read_history(x, q);
    case body::kDescribe:
      return x == nullptr ? no_run(q, q.request->run_id())
                          : answered(describe(*x, q.c).SerializeAsString());
    case body::kQuery:
      return ask_query(x, held, q);
    case body::kStartQueryTask:
      return start_query_task(x, held, q);
    case body::kCompleteQuery:
      return complete_query(held, q);
    case body::kRefuseQuery:
      return refuse_query(held, q);
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
