#include "engine/machine/transition.hpp"

#include "base/ensure.hpp"
#include "engine/engine.hpp"
#include "engine/machine/evolve.hpp"
#include "engine/machine/invariants.hpp"
#include "engine/machine/proto_time.hpp"
#include "protocol/parse_stored.hpp"

#include <google/protobuf/io/coded_stream.h>

#include <array>
#include <map>

namespace reprise::engine {

namespace {

using enum_type = api::enums::v1::EventType;

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

/// Results of what the workflow started: flushed behind all other buffered events, because a
/// start must precede its completion.
bool is_completion(enum_type type) {
  using namespace api::enums::v1;
  switch (type) {
    case EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
    case EVENT_TYPE_ACTIVITY_TASK_FAILED:
    case EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
    case EVENT_TYPE_ACTIVITY_TASK_CANCELED:
    case EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED:
    case EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED:
    case EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED:
    case EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT:
    case EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED:
    case EVENT_TYPE_NEXUS_OPERATION_COMPLETED:
    case EVENT_TYPE_NEXUS_OPERATION_FAILED:
    case EVENT_TYPE_NEXUS_OPERATION_CANCELED:
    case EVENT_TYPE_NEXUS_OPERATION_TIMED_OUT:
      return true;
    default:
      return false;
  }
}

/// Completions that were buffered beside their Started event learn its id when both get theirs.
void wire_started_id(history_event& event, const std::map<std::int64_t, std::int64_t>& started) {
  auto wire = [&](auto* attributes) {
    auto i = started.find(attributes->scheduled_event_id());
    if (attributes->started_event_id() == 0 && i != started.end())
      attributes->set_started_event_id(i->second);
  };
  using namespace api::enums::v1;
  switch (event.event_type()) {
    case EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
      return wire(event.mutable_activity_task_completed_event_attributes());
    case EVENT_TYPE_ACTIVITY_TASK_FAILED:
      return wire(event.mutable_activity_task_failed_event_attributes());
    case EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
      return wire(event.mutable_activity_task_timed_out_event_attributes());
    case EVENT_TYPE_ACTIVITY_TASK_CANCELED:
      return wire(event.mutable_activity_task_canceled_event_attributes());
    default:
      return;
  }
}

std::size_t buffered_bytes(const execution& x) {
  std::size_t sum = 0;
  for (const auto& event : x.buffered_events())
    sum += event.ByteSizeLong();
  return sum;
}

} // namespace

bool may_be_buffered(enum_type type) {
  using namespace api::enums::v1;
  switch (type) {
    case EVENT_TYPE_ACTIVITY_TASK_STARTED:
    case EVENT_TYPE_TIMER_FIRED:
    case EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
    case EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED:
    case EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
    case EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
    case EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED:
    case EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
    case EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED:
    case EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED:
    case EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED:
    case EVENT_TYPE_NEXUS_OPERATION_STARTED:
    case EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED:
    case EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED:
    case EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_FAILED:
    case EVENT_TYPE_WORKFLOW_EXECUTION_PAUSED:
    case EVENT_TYPE_WORKFLOW_EXECUTION_UNPAUSED:
    case EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED:
      return true;
    default:
      return is_completion(type);
  }
}

transition::transition(execution&& state, const context& c) : context_(c) {
  out_.current.emplace(std::move(state));
  if (mine().next_event_id() == 0)
    mine().set_next_event_id(1);
  first_event_id_ = mine().next_event_id();
}

std::int64_t transition::add_event(history_event event) {
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
  if (mine().workflow_task().started_event_id() == 0 || !may_be_buffered(event.event_type()))
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
  close_event_run();
  evolve(mine(), fact);
  facts_bytes_ += fact.ByteSizeLong();
  *facts_.add_facts() = std::move(fact);
}

void transition::set_activity(journal::ActivityProgress progress) {
  auto known = mine().activities().find(progress.scheduled_event_id());
  if (known != mine().activities().end() && known->second.progress().paused() != progress.paused())
    visibility_changed();
  journal::Fact fact;
  *fact.mutable_activity() = std::move(progress);
  add_fact(std::move(fact));
}

void transition::set_workflow_task(journal::WorkflowTaskState task) {
  journal::Fact fact;
  *fact.mutable_workflow_task() = std::move(task);
  add_fact(std::move(fact));
}

void transition::clear_workflow_task() {
  set_workflow_task({});
}

void transition::set_sticky(journal::StickyState sticky) {
  journal::Fact fact;
  *fact.mutable_sticky() = std::move(sticky);
  add_fact(std::move(fact));
}

void transition::set_header(journal::Header header) {
  journal::Fact fact;
  *fact.mutable_header() = std::move(header);
  add_fact(std::move(fact));
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
  std::map<std::int64_t, std::int64_t> started;
  for (auto& event : waiting) {
    if (is_completion(event.event_type()))
      continue;
    auto scheduled = event.activity_task_started_event_attributes().scheduled_event_id();
    auto id = add_event(std::move(event));
    if (scheduled != 0)
      started[scheduled] = id;
  }
  for (auto& event : waiting) {
    if (!is_completion(event.event_type()))
      continue;
    wire_started_id(event, started);
    add_event(std::move(event));
  }
}

void transition::offer(cluster::Task task) {
  out_.offers.push_back(std::move(task));
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
