#include "engine/outbox/outbox.hpp"

#include "engine/engine.hpp"
#include "engine/machine/features.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/outbox/rules.hpp"
#include "engine/task/task.hpp"
#include "temporal/api/errordetails/v1/message.pb.h"

#include <algorithm>
#include <utility>

namespace reprise::engine {

namespace {

/// A copy that was under way for so long is ignored: whoever took an earlier one may have forgotten
/// it by now.
constexpr duration copy_lasts = std::chrono::minutes{10};

bool is_stale(const cluster::Delivery& delivery, time_point now) {
  return now - from_proto(delivery.sent_at()) > copy_lasts;
}

/// What says nothing about the message, only about the moment: it has to come again.
bool is_passing(const error& e) {
  return e.code == errc::resource_exhausted || e.code == errc::unavailable
         || e.code == errc::aborted || e.code == errc::internal;
}

bool is_answer_to(const outbox::Message& message, const outbox::Answered& answered) {
  return message.run_id() == answered.run_id() && message.number() == answered.number()
         && message.word() == answered.word();
}

outbox::Answer answer_of(const step& done) {
  outbox::Answer out;
  if (done.answer.failure) {
    out.set_code(static_cast<int>(done.answer.failure->code));
    out.set_text(done.answer.failure->message);
    out.set_detail_type(done.answer.failure->detail_type);
  } else if (done.successor) {
    out.set_run_id(done.successor->state.created().run_id());
  } else if (done.current) {
    out.set_run_id(done.current->created().run_id());
  }
  return out;
}

} // namespace

// -- sending --------------------------------------------------------------------------------------

void send(transition& t, outbox::Message message) {
  message.set_run_id(t.state().created().run_id());
  message.set_number(t.state().last_message_number() + 1);
  message.set_word(t.ctx().ids.random());
  *message.mutable_written_at() = to_proto(t.ctx().now);
  journal::Fact fact;
  *fact.mutable_message_sent() = message;
  t.add_fact(std::move(fact));
  t.send(std::move(message));
}

void rest(transition& t, const journal::MessageRested& why) {
  journal::Fact fact;
  *fact.mutable_message_rested() = why;
  t.add_fact(std::move(fact));
}

outbox::Address workflow_address(const context& c, const std::string& workflow_id) {
  outbox::Address out;
  out.set_namespace_id(c.ns.id);
  out.set_namespace_name(c.ns.name);
  out.set_id(workflow_id);
  return out;
}

std::vector<outbox::Message> unanswered_messages(const execution& x) {
  std::vector<outbox::Message> out;
  out.reserve(static_cast<std::size_t>(x.outbox().size()));
  for (const auto& [number, message] : x.outbox())
    out.push_back(message);
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a.number() < b.number(); });
  return out;
}

bool waits_for_answers(const execution& x) {
  return !x.outbox().empty();
}

const outbox::Message* answered_message(const execution& x, const outbox::Answered& answered) {
  auto i = x.outbox().find(answered.number());
  return i != x.outbox().end() && is_answer_to(i->second, answered) ? &i->second : nullptr;
}

bool namespace_is_gone(const outbox::Answer& answer) {
  return answer.detail_type()
         == api::errordetails::v1::NamespaceNotFoundFailure::descriptor()->full_name();
}

const std::string& moved_to(const execution& x, const outbox::Answered& answered) {
  static const std::string nowhere;
  auto i = x.rested().find(answered.number());
  return i != x.rested().end() && is_answer_to(i->second.message(), answered)
           ? i->second.why().moved_to()
           : nowhere;
}

/// The same for all of them, as long as there is one: the column that says so is written seldom.
std::optional<time_point> unanswered_since(const execution& x) {
  if (!waits_for_answers(x))
    return std::nullopt;
  return from_proto(x.created().start_time());
}

void fold_message_sent(execution& x, const journal::Fact& fact) {
  const auto& message = fact.message_sent();
  (*x.mutable_outbox())[message.number()] = message;
  x.set_last_message_number(std::max(x.last_message_number(), message.number()));
}

void fold_message_answered(execution& x, const journal::Fact& fact) {
  if (answered_message(x, fact.message_answered()) != nullptr)
    x.mutable_outbox()->erase(fact.message_answered().number());
}

/// What a reset will not ask for is not kept.
void fold_message_rested(execution& x, const journal::Fact& fact) {
  const auto& why = fact.message_rested();
  auto sent = x.mutable_outbox()->find(why.number());
  if (sent == x.mutable_outbox()->end())
    return;
  auto& kept = (*x.mutable_rested())[why.number()];
  kept.mutable_message()->Swap(&sent->second);
  *kept.mutable_why() = why;
  x.mutable_outbox()->erase(sent);
  auto& message = *kept.mutable_message();
  if (why.has_moved_to()) {
    message.clear_content();
  } else if (message.has_signal()) {
    message.mutable_signal()->clear_input();
    message.mutable_signal()->clear_header();
  }
}

namespace {

/// The message leaves the outbox.
void note_answer(transition& t, const outbox::Message& message, const outbox::Answered& answered,
                 bool is_kept) {
  if (is_kept) {
    journal::MessageRested why;
    why.set_number(message.number());
    *why.mutable_answer() = answered.answer();
    return rest(t, why);
  }
  journal::Fact fact;
  *fact.mutable_message_answered() = answered;
  t.add_fact(std::move(fact));
}

} // namespace

step decide_answered(std::optional<execution>&& current, const cluster::ExecutionRequest& request,
                     const context& c) {
  const auto& answered = request.answered();
  const auto* known = current ? answered_message(*current, answered) : nullptr;
  if (known == nullptr) {
    // It was written already, or the run is gone, which waited until it was.
    step out;
    out.current = std::move(current);
    out.forget = true;
    return out;
  }
  auto message = *known;
  const auto& rule = rule_of(message.content_case());
  transition t{std::move(*current), c};
  std::optional<history_event> event;
  if (rule.event_of != nullptr)
    event = rule.event_of(t.state(), message, answered.answer(), c);
  // What the run's own history does not tell, a run that a reset makes has to be told; and of a
  // message that moved here another reset of the run that wrote it may ask.
  auto open = is_open(t.state());
  auto came_here = message.run_id() != t.state().created().run_id();
  note_answer(t, message, answered, event.has_value() && (!open || came_here));
  if (event && open) {
    t.add_or_buffer(std::move(*event));
    schedule_workflow_task(t);
  }
  if (!open && rule.answered_late != nullptr)
    rule.answered_late(t, message, answered.answer());
  if (!is_open(t.state()) && t.state().header().delete_requested() && !waits_for_answers(t.state()))
    t.erase();
  auto out = std::move(t).finish(reply{});
  out.forget = true;
  return out;
}

// -- receiving ------------------------------------------------------------------------------------

const std::string& run_of(const outbox::Message& message) {
  static const std::string current;
  const auto& rule = rule_of(message.content_case());
  return rule.run_of != nullptr ? rule.run_of(message) : current;
}

bool begins_run(const outbox::Message& message) {
  return rule_of(message.content_case()).begins;
}

bool goes_to_itself(const cluster::Delivery& delivery) {
  const auto& to = delivery.message().to();
  const auto& from = delivery.from();
  return from.id() == to.id() && from.namespace_id() == to.namespace_id()
         && from.machine() == to.machine();
}

bool is_child_of_sender(const execution& x, const cluster::Delivery& delivery) {
  const auto& parent = x.started().parent_workflow_execution();
  const auto& message = delivery.message();
  const auto& of = message.child_of_run_id().empty() ? message.run_id() : message.child_of_run_id();
  return x.started().parent_workflow_namespace_id() == delivery.from().namespace_id()
         && parent.workflow_id() == delivery.from().id() && parent.run_id() == of;
}

step decide_deliver(std::optional<execution>&& current, const cluster::ExecutionRequest& request,
                    const context& c) {
  const auto& delivery = request.deliver();
  const auto& rule = rule_of(delivery.message().content_case());
  // One that this version does not know is for a later one.
  if (rule.take == nullptr || is_stale(delivery, c.now)) {
    step out;
    out.current = std::move(current);
    return out;
  }
  auto out = rule.take(std::move(current), delivery, c);
  if (out.answer.failure && is_passing(*out.answer.failure)) {
    out.answer = {};
    return out;
  }
  auto said = std::exchange(out.taken, std::nullopt).value_or(message_answer{});
  said.answer = answer_of(out);
  said.is_remembered = rule.is_remembered != nullptr && rule.is_remembered(delivery.message());
  out.taken = std::move(said);
  out.answer = {};
  return out;
}

} // namespace reprise::engine
