// Queries at an execution: the registry decides, this performs. Nothing here is durable; the slot
// keeps the callers and asks again should the execution die.

#include "actors/execution.hpp"
#include "base/ensure.hpp"
#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"

#include <caf/send.hpp>

#include <utility>

namespace reprise::actors {

namespace {

/// A worker that was not seen for so long may be down.
constexpr duration poller_is_recent = std::chrono::seconds{20};

} // namespace

void execution::add_queries(outcome& out, query_step done) {
  for (auto& r : done.replies)
    out.released.answers.push_back(
      {.id = r.to->id, .to = r.to->from, .reply = std::move(r.reply), .read = {}});
  for (auto& task : done.offers)
    out.released.offers.push_back(std::move(task));
  if (done.lost_sticky_queue.empty())
    return;
  // A decision of its own, by way of the slot: this one is made already.
  cluster::Task task;
  task.set_namespace_id(options_.namespace_id);
  task.set_workflow_id(options_.workflow_id);
  task.set_task_queue(std::move(done.lost_sticky_queue));
  send(options_.slot, refuse_atom_v, std::move(task), true);
}

void execution::answer_query(const call_ptr& c, const hosted_run* run) {
  if (run == nullptr)
    return fail(c, engine::workflow_not_found(options_.workflow_id, c->request.run_id()));
  auto done = queries_.on_query(c, run->state(), ids_, shared_.time.now());
  auto out = make_outcome(c);
  out->released.caller_stays = done.replies.empty();
  if (done.full)
    shared_.watch.refused.workflow_queries.add();
  shared_.watch.used.workflow_queries.note(queries_.size());
  add_queries(*out, std::move(done));
  deliver(std::move(out));
}

void execution::start_query_task(const call_ptr& c, const hosted_run* run) {
  auto out = make_outcome(c);
  auto splice = run == nullptr
                  ? std::nullopt
                  : queries_.on_query_task_started(c->request.start_query_task(), run->state());
  if (splice)
    add_page(*out, plan_poll(std::move(*splice), {}, run->head().key, run->run_id()), *run);
  else
    out->released.obsolete_task = true;
  deliver(std::move(out));
}

void execution::complete_query(const call_ptr& c) {
  auto done = queries_.on_answer(c->request);
  if (!done)
    return fail(c, done.error());
  auto out = make_outcome(c);
  add_queries(*out, std::move(*done));
  // An empty response.
  reply(*out, {});
  deliver(std::move(out));
}

void execution::take_back_query(const call_ptr& c) {
  auto out = make_outcome(c);
  add_queries(*out, queries_.on_task_returned(c->request.token().query_id()));
  deliver(std::move(out));
}

void execution::refuse_query(const call_ptr& c) {
  auto out = make_outcome(c);
  add_queries(*out, queries_.on_gave_way(c->request.refuse_query()));
  deliver(std::move(out));
}

void execution::queries_after(outcome& out, engine::step& step, const hosted_run* run) {
  const auto& request = out.what->request;
  auto now = shared_.time.now();
  if (run != nullptr) {
    auto answered = request.has_complete_workflow_task() && !step.answer.failure;
    add_queries(out, queries_.on_step(run->state(),
                                      answered ? &request.complete_workflow_task() : nullptr, now));
    // Whoever takes the run's workflow task takes the queries that wait for it too.
    if (step.answer.history && !step.obsolete_task)
      step.answer.history->message += queries_.on_workflow_task_started(run->state());
  }
  if (request.has_wake())
    add_queries(out, queries_.expire(now, [&](const std::string& queue) {
      return shared_.polled_since({.namespace_id = options_.namespace_id, .name = queue, .kind = 1},
                                  now - poller_is_recent);
    }));
  if (!request.has_reoffer())
    return;
  const auto& reoffer = request.reoffer();
  add_queries(out, reoffer.sticky_unavailable()
                     ? queries_.on_sticky_unavailable(reoffer.task_queue())
                     : queries_.on_queue_lost(reoffer.task_queue()));
}

} // namespace reprise::actors
