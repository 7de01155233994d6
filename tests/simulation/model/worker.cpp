#include "tests/simulation/model/worker.hpp"

#include "engine/machine/proto_time.hpp"
#include "temporal/api/update/v1/message.pb.h"

#include <utility>

namespace reprise::simulation {

namespace enums = temporal::api::enums::v1;

void worker::start() {
  alive_ = true;
  poll_workflow(false);
  poll_workflow(false);
  poll_workflow(true);
  poll_activity();
  poll_activity();
}

void worker::stop() {
  alive_ = false;
  for (auto number : std::exchange(polls_, {}))
    p_.servers.abandon(number);
  cache_.clear();
}

void worker::later(duration wait, std::function<void()> what) {
  p_.all.after(wait, [self = shared_from_this(), what = std::move(what)] {
    if (self->alive_)
      what();
  });
}

template <class Response>
void worker::poll(const std::string& method, const google::protobuf::Message& request,
                  std::function<void(result<Response>)> done) {
  auto number = std::make_shared<std::uint64_t>(0);
  auto again = done;
  *number = call<Response>(
    p_, method, request, poll_patience,
    [self = shared_from_this(), number, done = std::move(done)](result<Response> r) {
      // Whoever has hung up polls again already.
      if (self->polls_.erase(*number) > 0 && self->alive_)
        done(std::move(r));
    });
  polls_.insert(*number);
  // Now and then in the moment in which a task may be on its way.
  if (hangs_up_ && impatience_.chance(50))
    later(impatience_.between(0ms, 3ms), [this, number, again = std::move(again)] {
      // An answer that has left the server still comes.
      if (!polls_.contains(*number) || !p_.servers.abandon(*number))
        return;
      polls_.erase(*number);
      ++p_.all.happened["polls given up at once"];
      again(make_error(errc::cancelled, "the worker hung up"));
    });
}

// -- workflow tasks ------------------------------------------------------------------------------

void worker::poll_workflow(bool sticky) {
  service::PollWorkflowTaskQueueRequest r;
  r.set_namespace_("default");
  r.set_identity(name_);
  r.mutable_task_queue()->set_name("queue");
  if (sticky) {
    r.mutable_task_queue()->set_name(sticky_queue());
    r.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_STICKY);
    r.mutable_task_queue()->set_normal_name("queue");
  }
  poll<workflow_task>("PollWorkflowTaskQueue", r, [this, sticky](result<workflow_task> task) {
    later(task ? p_.all.random.between(0ms, 100ms) : p_.all.random.between(100ms, 1s),
          [this, sticky] { poll_workflow(sticky); });
    if (task && !task->task_token().empty())
      on_workflow_task(*task, sticky);
  });
}

void worker::on_workflow_task(const workflow_task& task, bool sticky) {
  auto& random = p_.all.random;
  if (p_.chaos && random.chance(20))
    return; // lost within the worker
  const auto& run_id = task.workflow_execution().run_id();
  auto sofar = std::make_shared<history>();
  if (task.history().events().empty() || task.history().events(0).event_id() != 1) {
    auto cached = cache_.find(run_id);
    auto first = task.history().events().empty() ? 0 : task.history().events(0).event_id();
    if (!sticky && !task.has_query())
      p_.all.fail("a task of the normal queue came with a part of its history");
    auto fits = cached != cache_.end()
                && (first == 0 || static_cast<std::int64_t>(cached->second.size()) + 1 >= first);
    if (!fits)
      return read_history(std::make_shared<workflow_task>(task), sofar, {});
    *sofar = cached->second;
    if (first > 0)
      sofar->resize(static_cast<std::size_t>(first - 1));
  }
  for (const auto& e : task.history().events())
    sofar->push_back(e);
  if (!task.next_page_token().empty())
    return read_history(std::make_shared<workflow_task>(task), sofar, task.next_page_token());
  with_history(task, *sofar);
}

void worker::read_history(std::shared_ptr<workflow_task> task, std::shared_ptr<history> sofar,
                          const std::string& page_token) {
  service::GetWorkflowExecutionHistoryRequest r;
  r.set_namespace_("default");
  *r.mutable_execution() = task->workflow_execution();
  r.set_maximum_page_size(p_.all.random.chance(300) ? 3 : 0);
  r.set_next_page_token(page_token);
  using response = service::GetWorkflowExecutionHistoryResponse;
  call<response>(p_, "GetWorkflowExecutionHistory", r, call_patience,
                 [self = shared_from_this(), task, sofar](result<response> got) {
                   if (!self->alive_)
                     return;
                   if (!got)
                     return self->fail_task(*task);
                   for (const auto& e : got->history().events())
                     sofar->push_back(e);
                   if (!got->next_page_token().empty())
                     return self->read_history(task, sofar, got->next_page_token());
                   self->with_history(*task, *sofar);
                 });
}

void worker::with_history(const workflow_task& task, const history& events) {
  for (std::size_t i = 0; i < events.size(); ++i)
    if (events[i].event_id() != static_cast<std::int64_t>(i) + 1)
      p_.all.fail("a worker read a history with a gap behind event " + std::to_string(i));
  if (task.has_query())
    return answer_query(task);
  // A history that was read behind the task may hold more than it is to be decided on.
  auto wanted = static_cast<std::size_t>(task.started_event_id());
  auto known = std::make_shared<history>(events);
  if (known->size() > wanted)
    known->resize(wanted);
  auto& random = p_.all.random;
  auto think = random.between(0ms, 500ms);
  if (p_.chaos && random.chance(30))
    think = random.between(5s, 20s);
  later(think, [this, task, known] {
    if (p_.chaos && p_.all.random.chance(40))
      return fail_task(task);
    complete(task, *known);
  });
}

void worker::answer_query(const workflow_task& task) {
  service::RespondQueryTaskCompletedRequest r;
  r.set_namespace_("default");
  r.set_task_token(task.task_token());
  r.set_completed_type(enums::QUERY_RESULT_TYPE_ANSWERED);
  *r.mutable_query_result() = input_of(1);
  call<service::RespondQueryTaskCompletedResponse>(p_, "RespondQueryTaskCompleted", r,
                                                   call_patience, [](const auto&) {});
}

void worker::complete(const workflow_task& task, const history& events) {
  service::RespondWorkflowTaskCompletedRequest r;
  r.set_namespace_("default");
  r.set_identity(name_);
  r.set_task_token(task.task_token());
  auto& random = p_.all.random;
  auto run_id = task.workflow_execution().run_id();
  auto beats = p_.chaos && random.chance(50);
  if (!beats)
    answer_updates(task, events, r);
  if (!beats)
    for (auto& c : commands_for(p_.seed, events, p_.tells_time))
      *r.add_commands() = std::move(c);
  for (const auto& [id, query] : task.queries()) {
    auto& answer = (*r.mutable_query_results())[id];
    answer.set_result_type(enums::QUERY_RESULT_TYPE_ANSWERED);
    *answer.mutable_answer() = input_of(1);
  }
  r.set_force_create_new_workflow_task(beats);
  r.set_return_new_workflow_task(random.chance(500));
  if (random.chance(700)) {
    auto& sticky = *r.mutable_sticky_attributes();
    sticky.mutable_worker_task_queue()->set_name(sticky_queue());
    sticky.mutable_worker_task_queue()->set_kind(enums::TASK_QUEUE_KIND_STICKY);
    sticky.mutable_worker_task_queue()->set_normal_name("queue");
    *sticky.mutable_schedule_to_start_timeout() = engine::to_proto(duration{5s});
    cache_[run_id] = events;
  }
  using response = service::RespondWorkflowTaskCompletedResponse;
  call<response>(p_, "RespondWorkflowTaskCompleted", r, call_patience,
                 [self = shared_from_this(), run_id](result<response> done) {
                   if (!self->alive_)
                     return;
                   if (!done)
                     return void(self->cache_.erase(run_id));
                   if (done->has_workflow_task() && !done->workflow_task().task_token().empty())
                     self->on_workflow_task(done->workflow_task(), true);
                   for (const auto& a : done->activity_tasks())
                     self->on_activity_task(a);
                 });
}

/// Accepts most, now and then for a later task to complete; rejects some, and forgets some.
void worker::answer_updates(const workflow_task& task, const history& events,
                            service::RespondWorkflowTaskCompletedRequest& r) {
  namespace update = temporal::api::update::v1;
  auto& random = p_.all.random;
  auto add = [&](const std::string& kind, const std::string& id, const auto& body) {
    auto& m = *r.add_messages();
    m.set_id(id + "/" + kind);
    m.set_protocol_instance_id(id);
    m.mutable_body()->PackFrom(body);
  };
  auto complete_update = [&](const std::string& id) {
    update::Response out;
    out.mutable_meta()->set_update_id(id);
    *out.mutable_outcome()->mutable_success() = input_of(2);
    add("complete", id, out);
  };
  std::set<std::string> open;
  for (const auto& e : events) {
    if (e.has_workflow_execution_update_accepted_event_attributes())
      open.insert(e.workflow_execution_update_accepted_event_attributes().protocol_instance_id());
    if (e.has_workflow_execution_update_completed_event_attributes())
      open.erase(e.workflow_execution_update_completed_event_attributes().meta().update_id());
  }
  for (const auto& id : open)
    complete_update(id);
  for (const auto& asked : task.messages()) {
    const auto& id = asked.protocol_instance_id();
    auto dice = random.below(100);
    if (dice < 10)
      continue;
    if (dice < 30) {
      update::Rejection no;
      no.mutable_failure()->set_message("no");
      asked.body().UnpackTo(no.mutable_rejected_request());
      add("reject", id, no);
      continue;
    }
    update::Acceptance yes;
    yes.set_accepted_request_message_id(asked.id());
    yes.set_accepted_request_sequencing_event_id(asked.event_id());
    asked.body().UnpackTo(yes.mutable_accepted_request());
    add("accept", id, yes);
    if (dice < 80)
      complete_update(id);
  }
}

void worker::fail_task(const workflow_task& task) {
  cache_.erase(task.workflow_execution().run_id());
  service::RespondWorkflowTaskFailedRequest r;
  r.set_namespace_("default");
  r.set_identity(name_);
  r.set_task_token(task.task_token());
  r.set_cause(enums::WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE);
  r.mutable_failure()->set_message("a worker's mistake");
  call<service::RespondWorkflowTaskFailedResponse>(p_, "RespondWorkflowTaskFailed", r,
                                                   call_patience, [](const auto&) {});
}

// -- activities ----------------------------------------------------------------------------------

void worker::poll_activity() {
  service::PollActivityTaskQueueRequest r;
  r.set_namespace_("default");
  r.set_identity(name_);
  r.mutable_task_queue()->set_name("queue");
  poll<activity_task>("PollActivityTaskQueue", r, [this](result<activity_task> task) {
    later(task ? p_.all.random.between(0ms, 100ms) : p_.all.random.between(100ms, 1s),
          [this] { poll_activity(); });
    if (task && !task->task_token().empty())
      on_activity_task(*task);
  });
}

void worker::on_activity_task(const activity_task& task) {
  auto& random = p_.all.random;
  if (p_.chaos && random.chance(50))
    return;
  auto beats = task.has_heartbeat_timeout() && task.heartbeat_timeout().seconds() > 0;
  later(random.between(10ms, 2s), [this, task, beats] {
    if (beats)
      return heartbeat(task, p_.all.random.below(4));
    end_activity(task, false);
  });
}

void worker::heartbeat(const activity_task& task, int times) {
  if (times == 0)
    return end_activity(task, false);
  service::RecordActivityTaskHeartbeatRequest r;
  r.set_namespace_("default");
  r.set_identity(name_);
  r.set_task_token(task.task_token());
  *r.mutable_details() = input_of(times);
  using response = service::RecordActivityTaskHeartbeatResponse;
  call<response>(p_, "RecordActivityTaskHeartbeat", r, call_patience,
                 [self = shared_from_this(), task, times](result<response> done) {
                   if (!self->alive_)
                     return;
                   if (!done && !is_doubtful(done.error()))
                     return;
                   if (done && done->cancel_requested())
                     return self->end_activity(task, true);
                   auto slow = self->p_.chaos && self->p_.all.random.chance(100);
                   self->later(slow ? duration{8s} : self->p_.all.random.between(200ms, 3s),
                               [=] { self->heartbeat(task, times - 1); });
                 });
}

void worker::end_activity(const activity_task& task, bool cancelled) {
  auto& random = p_.all.random;
  if (cancelled && random.chance(700)) {
    service::RespondActivityTaskCanceledRequest r;
    r.set_namespace_("default");
    r.set_task_token(task.task_token());
    call<service::RespondActivityTaskCanceledResponse>(p_, "RespondActivityTaskCanceled", r,
                                                       call_patience, [](const auto&) {});
    return;
  }
  if (p_.chaos && random.chance(250)) {
    service::RespondActivityTaskFailedRequest r;
    r.set_namespace_("default");
    r.set_task_token(task.task_token());
    r.mutable_failure()->set_message("an activity's mistake");
    r.mutable_failure()->mutable_application_failure_info()->set_type("mistake");
    call<service::RespondActivityTaskFailedResponse>(p_, "RespondActivityTaskFailed", r,
                                                     call_patience, [](const auto&) {});
    return;
  }
  if (random.chance(100))
    return complete_by_id(task);
  complete_activity(task, 3);
}

void worker::complete_by_id(const activity_task& task) {
  service::RespondActivityTaskCompletedByIdRequest r;
  r.set_namespace_("default");
  r.set_workflow_id(task.workflow_execution().workflow_id());
  r.set_run_id(task.workflow_execution().run_id());
  r.set_activity_id(task.activity_id());
  call<service::RespondActivityTaskCompletedByIdResponse>(p_, "RespondActivityTaskCompletedById", r,
                                                          call_patience, [](const auto&) {});
}

void worker::complete_activity(const activity_task& task, int tries) {
  service::RespondActivityTaskCompletedRequest r;
  r.set_namespace_("default");
  r.set_identity(name_);
  r.set_task_token(task.task_token());
  *r.mutable_result() = input_of(tries);
  using response = service::RespondActivityTaskCompletedResponse;
  call<response>(p_, "RespondActivityTaskCompleted", r, call_patience,
                 [self = shared_from_this(), task, tries](result<response> done) {
                   auto again = !done && is_doubtful(done.error()) && tries > 0;
                   auto twice = done && tries > 0 && self->p_.all.random.chance(50);
                   if (self->alive_ && (again || twice))
                     self->later(self->p_.all.random.between(50ms, 1s),
                                 [=] { self->complete_activity(task, twice ? 0 : tries - 1); });
                 });
}

} // namespace reprise::simulation
