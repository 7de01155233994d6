#include "engine/workflow/bequest.hpp"

#include "engine/child/child.hpp"
#include "engine/machine/features.hpp"
#include "engine/outbox/outbox.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace reprise::engine {

namespace {

/// The run waits for what the message asks for.
bool waits_for(const execution& x, const outbox::Message& message) {
  auto id = message.event_id();
  return x.external_signals().contains(id) || x.external_cancels().contains(id)
         || x.children().contains(id);
}

void leave(transition& t, outbox::Message message, const execution& heir, bequest& left) {
  const auto& run_id = heir.created().run_id();
  journal::MessageRested why;
  why.set_number(message.number());
  why.set_moved_to(run_id);
  rest(t, why);
  message.set_held_by(run_id);
  left.messages.push_back(std::move(message));
}

bool was_moved_from(const execution& base, const outbox::Message& message) {
  auto kept = base.rested().find(message.number());
  return kept != base.rested().end() && kept->second.why().has_moved_to()
         && kept->second.message().run_id() == message.run_id()
         && kept->second.message().word() == message.word();
}

std::vector<journal::RestedMessage> rested_in_order(const execution& x) {
  std::vector<journal::RestedMessage> out;
  for (const auto& [number, kept] : x.rested())
    out.push_back(kept);
  std::ranges::sort(out, {}, [](const auto& kept) { return kept.message().number(); });
  return out;
}

} // namespace

void leave_messages(transition& t, const execution& heir, bequest& left) {
  for (auto& message : unanswered_messages(t.state()))
    if (waits_for(heir, message))
      leave(t, std::move(message), heir, left);
}

void leave_moved_messages(transition& t, const execution& base, const execution& heir,
                          bequest& left) {
  for (auto& message : unanswered_messages(t.state()))
    if (was_moved_from(base, message) && waits_for(heir, message))
      leave(t, std::move(message), heir, left);
  for (const auto& kept : rested_in_order(t.state()))
    if (kept.why().has_answer() && was_moved_from(base, kept.message()))
      left.answered.push_back(kept);
}

void take_over(transition& t, const execution& base, bequest&& left) {
  for (auto& message : left.messages) {
    journal::Fact fact;
    *fact.mutable_message_sent() = message;
    t.add_fact(std::move(fact));
    t.send(std::move(message));
  }
  auto rested = rested_in_order(base);
  std::ranges::move(left.answered, std::back_inserter(rested));
  for (const auto& kept : rested)
    if (const auto& rule = rule_of(kept.message().content_case());
        kept.why().has_answer() && rule.event_of != nullptr)
      if (auto event = rule.event_of(t.state(), kept.message(), kept.why().answer(), t.ctx()))
        t.add_event(std::move(*event));
  take_over_children(t, base, left.children_were_told);
  for (auto& kept : rested)
    if (auto child = t.state().children().find(kept.message().event_id());
        kept.why().withdrawn() && child != t.state().children().end()
        && child->second.run_id().empty())
      start_again(t, std::move(*kept.mutable_message()));
}

} // namespace reprise::engine
