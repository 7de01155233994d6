#include "engine/machine/transition.hpp"

#include "base/ensure.hpp"
#include "engine/engine.hpp"
#include "engine/machine/evolve.hpp"
#include "engine/machine/features.hpp"
#include "engine/machine/invariants.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/task/task.hpp"
#include "engine/task/task_events.hpp"
#include "protocol/parse_stored.hpp"

#include <google/protobuf/io/coded_stream.h>

#include <array>
#include <map>

namespace reprise::engine {

namespace {

/// Appends field 1 (length-delimited) of a History or Facts: how both hold their elements.
void append_element(std::string& out, const google::protobuf::Message& element, std::size_t bytes) {
  std::array<std::uint8_t, 8> prefix{};
  prefix[0] = 0x0A;
  auto* end = google::protobuf::io::CodedOutputStream::WriteVarint32ToArray(
    static_cast<std::uint32_t>(bytes), prefix.data() + 1);
  auto prefix_bytes = static_cast<std::size_t>(end - prefix.data());
  auto before = out.size();
  out.resize(before + prefix_bytes + bytes);
  auto* at = reinterpret_cast<std::uint8_t*>(out.data() + before);
  std::copy(prefix.data(), end, at);
  element.SerializeWithCachedSizesToArray(at + prefix_bytes);
}

std::size_t buffered_bytes(const execution& x) {
  std::size_t sum = 0;
  for (const auto& event : x.buffered_events())
    sum += event.ByteSizeLong();
  return sum;
}

} // namespace

transition::transition(execution&& state, const context& c) : context_(c) {
  out_.current.emplace(std::move(state));
  if (mine().next_event_id() == 0)
    mine().set_next_event_id(1);
  first_event_id_ = mine().next_event_id();
  if (c.speculative != nullptr && c.speculative->run_id == mine().created().run_id())
    speculative_ = c.speculative->task;
}

void transition::set_speculative(std::optional<journal::WorkflowTaskState> task) {
  speculative_ = std::move(task);
  out_.speculative_changed = true;
}

void transition::write_speculative() {
  if (!speculative_)
    return;
  auto task = *std::move(speculative_);
  set_speculative(std::nullopt);
  write_unwritten_task(*this, task, task.identity(),
                       task.has_worker_version() ? &task.worker_version() : nullptr);
}

std::int64_t transition::add_event(history_event event) {
  auto closes = rule_of(event.event_type()).closes_as
                != enums::WORKFLOW_EXECUTION_STATUS_UNSPECIFIED;
  if (speculative_ && closes && speculative_->started_event_id() == 0)
    set_speculative(std::nullopt);
  write_speculative();
  auto id = mine().next_event_id();
  event.set_event_id(id);
  event.set_task_id(id);
  if (!event.has_event_time())
    *event.mutable_event_time()
      = to_proto(std::max(context_.now, from_proto(mine().last_event_time())));
  auto bytes = event.ByteSizeLong();
  ENSURE(bytes < (1U << 30), "an event of a gigabyte");
  append_element(events_, event, bytes);
  ++event_count_;
  ++events_since_fact_;
  evolve_sized(mine(), event, bytes);
  return id;
}

std::int64_t transition::add_or_buffer(history_event event) {
  write_speculative();
  if (mine().workflow_task().started_event_id() == 0
      || rule_of(event.event_type()).while_started == buffering::never)
    return add_event(std::move(event));
  if (!event.has_event_time())
    *event.mutable_event_time()
      = to_proto(std::max(context_.now, from_proto(mine().last_event_time())));
  journal::Fact fact;
  *fact.mutable_buffered_event() = std::move(event);
  add_fact(std::move(fact));
  return 0;
}

void transition::add_fact(journal::Fact fact) {
  write_speculative();
  close_event_run();
  evolve(mine(), fact);
  facts_bytes_ += fact.ByteSizeLong();
  *facts_.add_facts() = std::move(fact);
}

void transition::flush_buffered() {
  auto count = mine().buffered_events_size();
  if (count == 0)
    return;
  std::vector<history_event> waiting(mine().buffered_events().begin(),
                                     mine().buffered_events().end());
  journal::Fact fact;
  for (int i = 0; i < count; ++i)
    fact.mutable_dropped_events()->add_positions(i);
  add_fact(std::move(fact));
  // By the event that asked for it: the id of the one that told of its begin.
  std::map<std::int64_t, std::int64_t> begun;
  auto is_result = [](const history_event& event) {
    return rule_of(event.event_type()).while_started == buffering::waits_as_result;
  };
  for (auto& event : waiting) {
    if (is_result(event))
      continue;
    const auto& rule = rule_of(event.event_type());
    auto asked_for_by = rule.is_begin ? rule.asked_for_by(event) : 0;
    auto id = add_event(std::move(event));
    if (rule.is_begin)
      begun[asked_for_by] = id;
  }
  for (auto& event : waiting) {
    if (!is_result(event))
      continue;
    const auto& rule = rule_of(event.event_type());
    if (rule.set_begin != nullptr)
      if (auto i = begun.find(rule.asked_for_by(event)); i != begun.end())
        rule.set_begin(event, i->second);
    add_event(std::move(event));
  }
}

void transition::offer(cluster::Task task) {
  out_.offers.push_back(std::move(task));
}

void transition::send(outbox::Message message) {
  out_.messages.push_back(std::move(message));
}

void transition::begin_successor(new_run run) {
  ENSURE(!is_open(mine()) && is_open(run.state), "of one workflow id one run is open");
  out_.successor = std::move(run);
}

step transition::finish(reply answer) && {
  // Too much waits for the end of the started task: the task has to give way.
  if (mine().workflow_task().started_event_id() != 0
      && (static_cast<std::size_t>(mine().buffered_events_size())
            > context_.bounds.buffered_events_max
          || (!facts_.facts().empty()
              && buffered_bytes(mine()) > context_.bounds.buffered_bytes_max)))
    give_way_to_buffered(*this);
  if (wrote_anything()) {
    evolve_transition_end(mine());
    ensure_sound(mine());
  }
  ENSURE(mine().next_event_id() == first_event_id_ + event_count_,
         "each event of the transition has its number");
  out_.written = take_record();
  if (out_.speculative_changed && speculative_)
    out_.speculative = speculative_task{.run_id = mine().created().run_id(),
                                        .task = *std::move(speculative_)};
  out_.answer = std::move(answer);
  return std::move(out_);
}

step transition::finish(const google::protobuf::Message& response) && {
  return std::move(*this).finish(reply{.response = response.SerializeAsString()});
}

step transition::finish(error refusal) && {
  return std::move(*this).finish(reply{.failure = std::move(refusal)});
}

/// Events that no fact follows need no entry: whatever is left of a row's events stands at its end.
void transition::close_event_run() {
  if (events_since_fact_ == 0)
    return;
  auto* run = facts_.add_facts();
  run->set_public_events(events_since_fact_);
  facts_bytes_ += run->ByteSizeLong();
  events_since_fact_ = 0;
}

record joined(record first, record then) {
  journal::Facts known;
  ENSURE(protocol::parse_stored(known, first.facts), "a record of our own");
  // Of the first one's events those that stand at its end, behind its facts.
  auto at_end = first.event_count;
  for (const auto& fact : known.facts())
    at_end -= fact.public_events();
  journal::Facts between;
  if (at_end > 0)
    between.add_facts()->set_public_events(at_end);
  between.add_facts()->set_transition_end(true);
  // Both messages are lists: their bytes can be put one behind the other.
  first.facts += between.SerializeAsString() + then.facts;
  first.events += then.events;
  first.event_count += then.event_count;
  return first;
}

record transition::take_record() {
  record out;
  out.first_event_id = first_event_id_;
  out.event_count = event_count_;
  out.events = std::move(events_);
  if (!facts_.facts().empty())
    out.facts = facts_.SerializeAsString();
  return out;
}

} // namespace reprise::engine
