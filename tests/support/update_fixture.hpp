#pragma once

// An id as its actor holds it: runs with their journals, and the session. Requests go through the
// machine, so that updates, speculative tasks and their callers are decided as they are in a
// server.

#include "engine/machine/machine.hpp"
#include "temporal/api/errordetails/v1/message.pb.h"
#include "temporal/api/update/v1/message.pb.h"
#include "tests/support/engine_fixture.hpp"

#include <map>
#include <memory>

namespace reprise::testing {

namespace update = temporal::api::update::v1;
namespace details = temporal::api::errordetails::v1;
using api::protocol::v1::Message;

constexpr auto admitted = enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ADMITTED;
constexpr auto accepted = enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED;
constexpr auto completed = enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED;
using stage_wanted = enums::UpdateWorkflowExecutionLifecycleStage;

class update_fixture : public engine_fixture {
public:
  using caller = engine::caller_number;

  /// What a caller heard; nothing: it waits.
  struct heard {
    std::optional<error> failure{};
    std::string response{};
  };

  // -- deciding -----------------------------------------------------------------------------------

  engine::step apply(cluster::ExecutionRequest request) override {
    auto done = ask(std::move(request));
    engine::step out;
    out.written = written_;
    out.obsolete_task = done.obsolete_task;
    out.offers = done.offers;
    out.messages = done.messages;
    out.taken = done.taken;
    out.forget = done.forget;
    out.answer.failure = done.reply.now.failure;
    out.answer.response = done.reply.now.response;
    if (!done.reply.page)
      return out;
    auto& plan = *done.reply.page;
    out.answer.response = plan.prefix;
    out.answer.history = engine::history_splice{.first_event_id = plan.want.first,
                                                .last_event_id = plan.want.last,
                                                .transient_events = plan.transient_events,
                                                .transient_attempt = plan.token.transient_attempt(),
                                                .message = plan.message,
                                                .wrap_field = plan.wrap_field};
    return out;
  }

  /// Decides it with the session, as the shell does, and tells whoever has an answer.
  engine::decision ask(cluster::ExecutionRequest r) {
    address(r);
    auto request = std::make_shared<cluster::ExecutionRequest>(std::move(r));
    auto at = machine_.begins(*request) ? last() : find(*request);
    engine::run_state run;
    if (at < runs.size())
      run = engine::make_run_state(engine::execution{runs[at].state});
    engine::context c{.now = now, .ids = ids, .ns = ns, .bounds = bounds};
    auto me = ++callers_;
    auto& taken = transition_coverage::all();
    taken.request(at < runs.size() ? &runs[at].state : nullptr, *request);
    auto done = machine_.decide(
      run, session, {.request = request, .caller = me, .c = c, .around = workers_, .room = room_});
    written_ = done.written;
    CHECK((!done.only_read || done.written.empty()));
    if (at < runs.size()) {
      taken.entries(runs[at].state, done.written);
      engine::step answered;
      answered.answer.failure = done.reply.now.failure;
      taken.commands(runs[at].state, *request, answered);
      take(runs[at], std::move(run.as<engine::execution>()), done.written);
    }
    if (done.successor) {
      runs.emplace_back();
      taken.entries({}, done.successor->written);
      take(runs.back(), done.successor->state.as<engine::execution>(), done.successor->written);
    }
    for (const auto& task : done.offers)
      offers.push_back(task);
    for (const auto& message : done.messages)
      messages.push_back(message);
    for (auto& other : done.others) {
      CHECK(waiting.erase(other.to) == 1);
      tell(other.to, other.what.failure, other.what.response);
    }
    if (done.caller_stays)
      waiting.insert(me);
    else if (!done.reply.page || done.reply.page->finish != nullptr)
      answer(me, done, at);
    return done;
  }

  /// The session is gone with its actor; whoever waited is asked again.
  void lose_session() {
    session.reset();
    offers.clear();
    waiting.clear();
  }

  // -- callers ------------------------------------------------------------------------------------

  update::Request update_request(const std::string& update_id,
                                 const std::string& name = "upd") const {
    update::Request out;
    out.mutable_meta()->set_update_id(update_id);
    out.mutable_meta()->set_identity("updater");
    out.mutable_input()->set_name(name);
    *out.mutable_input()->mutable_args() = payloads("\"arg\"");
    return out;
  }

  service::UpdateWorkflowExecutionRequest update_of(const std::string& update_id,
                                                    stage_wanted wanted) const {
    service::UpdateWorkflowExecutionRequest out;
    *out.mutable_request() = update_request(update_id);
    out.mutable_wait_policy()->set_lifecycle_stage(wanted);
    return out;
  }

  /// Sends an update to this run, or the current one; its caller.
  caller send(const std::string& update_id = "u1", stage_wanted wanted = completed,
              const std::string& run_id = {}) {
    cluster::ExecutionRequest request;
    request.set_run_id(run_id);
    *request.mutable_update() = update_of(update_id, wanted);
    ask(std::move(request));
    return callers_;
  }

  caller poll_update(const std::string& update_id = "u1", stage_wanted wanted = {},
                     const std::string& run_id = {}) {
    cluster::ExecutionRequest request;
    request.set_run_id(run_id);
    auto& r = *request.mutable_poll_update();
    r.mutable_update_ref()->set_update_id(update_id);
    r.mutable_wait_policy()->set_lifecycle_stage(wanted);
    ask(std::move(request));
    return callers_;
  }

  bool waits(caller c) const {
    return waiting.contains(c);
  }

  error refusal(caller c) {
    REQUIRE(told.contains(c));
    REQUIRE(told[c].failure);
    return *told[c].failure;
  }

  template <class Response = service::UpdateWorkflowExecutionResponse>
  Response response(caller c) {
    REQUIRE(told.contains(c));
    INFO(told[c].failure.value_or(error{}).message);
    REQUIRE_FALSE(told[c].failure);
    Response out;
    REQUIRE(out.ParseFromString(told[c].response));
    return out;
  }

  service::PollWorkflowExecutionUpdateResponse polled(caller c) {
    return response<service::PollWorkflowExecutionUpdateResponse>(c);
  }

  // -- workers ------------------------------------------------------------------------------------

  static Message message(const std::string& message_id, const std::string& update_id,
                         const google::protobuf::Message& body) {
    Message out;
    out.set_id(message_id);
    out.set_protocol_instance_id(update_id);
    out.mutable_body()->PackFrom(body);
    return out;
  }

  static Message acceptance(const Message& asked) {
    update::Acceptance a;
    a.set_accepted_request_message_id(asked.id());
    a.set_accepted_request_sequencing_event_id(asked.event_id());
    asked.body().UnpackTo(a.mutable_accepted_request());
    return message(asked.protocol_instance_id() + "/accept", asked.protocol_instance_id(), a);
  }

  static Message rejection(const Message& asked, const std::string& text = "no") {
    update::Rejection r;
    r.set_rejected_request_message_id(asked.id());
    asked.body().UnpackTo(r.mutable_rejected_request());
    r.mutable_failure()->set_message(text);
    return message(asked.protocol_instance_id() + "/reject", asked.protocol_instance_id(), r);
  }

  static Message result(const std::string& update_id = "u1",
                        const std::string& json = "\"result\"") {
    update::Response r;
    r.mutable_meta()->set_update_id(update_id);
    *r.mutable_outcome()->mutable_success() = payloads(json);
    return message(update_id + "/complete", update_id, r);
  }

  cluster::ExecutionRequest answer_to(const worker_task& task, const std::vector<Message>& said,
                                      const std::vector<command>& commands = {}) {
    auto request = completion(task, commands);
    for (const auto& m : said)
      *request.mutable_complete_workflow_task()->add_messages() = m;
    return request;
  }

  engine::step respond(const worker_task& task, const std::vector<Message>& said,
                       const std::vector<command>& commands = {}) {
    return apply(answer_to(task, said, commands));
  }

  /// A run whose first task was completed and left no events of its own.
  void idle(const std::vector<command>& commands = {}) {
    start();
    auto done = complete(poll(), commands);
    REQUIRE_FALSE(done.answer.failure);
    offers.clear();
  }

  engine::session_ptr session;
  std::map<caller, heard> told{};
  std::set<caller> waiting{};

private:
  class no_workers final : public engine::outlook {
  public:
    bool polled_since(const std::string&, cluster::Task::Kind, time_point) const override {
      return true;
    }
  };

  std::size_t last() const {
    return runs.empty() ? 0 : runs.size() - 1;
  }

  void tell(caller to, std::optional<error> failure, std::string response) {
    told[to] = {.failure = std::move(failure), .response = std::move(response)};
  }

  /// The answer of a read is made of the journal's own bytes, as a shell makes it.
  void answer(caller to, engine::decision& done, std::size_t at) {
    if (!done.reply.page)
      return tell(to, done.reply.now.failure, done.reply.now.response);
    auto& plan = *done.reply.page;
    engine::page_builder page{plan.want};
    for (const auto& row : runs[at].journal)
      page.add(row.first_event_id, row.event_count, row.events);
    tell(to, {}, engine::finish_page(std::move(plan), std::move(page).take()));
  }

  const engine::machine& machine_ = *engine::machine_of(machine_kind::workflow);
  no_workers workers_;
  engine::session_bounds room_{};
  caller callers_ = 0;
  engine::record written_{};
};

} // namespace reprise::testing
