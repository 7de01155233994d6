#include "tests/simulation/model/ledger.hpp"

#include "engine/engine.hpp"
#include "engine/machine/features.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/outbox/outbox.hpp"
#include "engine/task/task.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <utility>

namespace reprise::simulation {

namespace enums = temporal::api::enums::v1;
using engine::from_proto;
using temporal::api::history::v1::History;

std::uint64_t fingerprint(const google::protobuf::Message& m) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream out{&bytes};
    google::protobuf::io::CodedOutputStream coded{&out};
    coded.SetSerializationDeterministic(true);
    m.SerializeToCodedStream(&coded);
  }
  return std::hash<std::string>{}(bytes);
}

bool same(const google::protobuf::Message& a, const google::protobuf::Message& b) {
  return google::protobuf::util::MessageDifferencer::Equals(a, b);
}

void ledger::fail(const run_record& r, const std::string& text) {
  all_.fail("workflow " + r.head.workflow_id + " run " + r.head.run_id + ": " + text);
}

void ledger::fail_shown(const std::string& text) {
  if (!in_doubt())
    all_.fail(text);
}

void ledger::fail_shown(const run_record& r, const std::string& text) {
  if (!in_doubt())
    fail(r, text);
}

// -- what becomes durable ------------------------------------------------------------------------

void ledger::on_forgotten(const store::transition& t) {
  doubt_ends_ = time_point::max();
  has_forgotten_ = true;
  for (const auto& w : t.runs)
    forgotten_.push_back(w.row.events + w.row.facts);
  for (const auto& w : t.runs)
    all_.say("forgotten " + w.head.workflow_id + " " + w.head.run_id + " row "
             + std::to_string(w.head.last_seq));
}

void ledger::on_take_over(int process) {
  // Answers may be under way to clients for a while.
  constexpr duration answers_last = 35s;
  if (holds_lost_state())
    doubt_ends_ = all_.now() + answers_last;
  all_.say("process " + std::to_string(process) + " takes all slots");
  owner_ = process;
  ++reign_;
}

void ledger::on_commit(const store::transition& t, int process) {
  ++commits_;
  if (process != owner_)
    all_.fail("process " + std::to_string(process) + " wrote slots of process "
              + std::to_string(owner_));
  for (const auto& w : t.runs) {
    if (w.head.kind == machine_kind::batch) {
      on_batch(w);
      continue;
    }
    auto& r = runs_[w.head.run_id];
    using kind = store::run_write::kind;
    if (w.what == kind::create && !w.on_copy && !r.head.run_id.empty())
      fail(r, "created twice");
    if (w.what == kind::create)
      r.head = w.head;
    if (r.erased || r.head.run_id.empty()) {
      if (w.what != kind::erase)
        fail(r, "a write to a run that is not there");
      continue;
    }
    if (w.what == kind::erase) {
      on_erase(r);
      continue;
    }
    all_.say("commit " + r.head.workflow_id + " " + r.head.run_id + " row "
             + std::to_string(w.head.last_seq) + " status " + std::to_string(w.head.status)
             + " by p" + std::to_string(process) + " epoch " + std::to_string(t.epoch));
    copies_ = w.on_copy;
    if (w.what != kind::touch)
      on_row(r, w);
    copies_ = false;
    if (w.on_copy)
      for (const auto& [name, times] : r.signals)
        r.told_again.insert(name);
    on_head(r, w);
    on_snapshot(r, w);
    note_starts(r);
  }
  for (const auto& c : t.currents)
    on_current(c.expected_run_id, c.run_id);
}

void ledger::on_batch(const store::run_write& w) {
  auto known = batches_.find(w.head.run_id);
  if (w.what == store::run_write::kind::erase) {
    if (known != batches_.end())
      batches_.erase(known);
    return;
  }
  if (known != batches_.end() && known->second.status != 1 && w.head.status == 1)
    all_.fail("batch " + w.head.workflow_id + " is over, and goes on");
  if (known == batches_.end())
    ++all_.happened["batches"];
  batches_[w.head.run_id] = w.head;
}

std::vector<std::string> ledger::open_batches() const {
  std::vector<std::string> out;
  for (const auto& [run_id, head] : batches_)
    if (head.status == 1)
      out.push_back(head.workflow_id);
  return out;
}

void ledger::on_copied(const store::run_write& w, const std::vector<store::journal_row>& rows) {
  auto& r = runs_[w.head.run_id];
  if (!r.head.run_id.empty())
    return fail(r, "created twice");
  r.head = w.head;
  copies_ = true;
  for (const auto& row : rows) {
    if (row.seq >= w.row.seq)
      break;
    store::run_write copied{.head = w.head, .row = row};
    on_row(r, copied);
  }
  copies_ = false;
  if (r.state.created().run_id() != w.head.run_id)
    fail(r, "what was copied for it belongs to another run");
  ++all_.happened["resets"];
}

void ledger::on_current(const std::string& old_run_id, const std::string& new_run_id) {
  auto old = runs_.find(old_run_id);
  auto fresh = runs_.find(new_run_id);
  if (old == runs_.end() || old->second.erased || fresh == runs_.end() || old == fresh)
    return;
  if (engine::is_open(old->second.state))
    fail(old->second, "an open run lost its place to " + new_run_id);
  const auto& request_id = fresh->second.state.created().start_request_id();
  if (old->second.state.request_ids().contains(request_id)
      && !fresh->second.state.created().has_reset_time() && !may_start_again_.contains(request_id))
    fail(fresh->second,
         "was started by " + request_id + ", which had started or met " + old_run_id);
}

void ledger::on_row(run_record& r, const store::run_write& w) {
  const auto& row = w.row;
  auto next = std::max<std::int64_t>(r.state.next_event_id(), 1);
  if (row.event_count > 0 && row.first_event_id != next)
    fail(r, "events begin at " + std::to_string(row.first_event_id) + ", not at "
              + std::to_string(next));
  History events;
  if (!events.ParseFromString(row.events) || events.events_size() != row.event_count)
    fail(r, "a row whose events do not parse");
  engine::record entry{.first_event_id = row.first_event_id,
                       .event_count = row.event_count,
                       .events = row.events,
                       .facts = row.facts};
  if (!engine::evolve(r.state, entry))
    fail(r, "a row that cannot be folded");
  for (const auto& e : events.events())
    on_event(r, e);
}

void ledger::on_event(run_record& r, const history_event& e) {
  if (e.event_id() != static_cast<std::int64_t>(r.fingerprints.size()) + 1)
    fail(r, "event " + std::to_string(e.event_id()) + " behind event "
              + std::to_string(r.fingerprints.size()));
  r.fingerprints.push_back(fingerprint(e));
  auto at = from_proto(e.event_time());
  if (at > all_.server_time().now())
    fail(r, "event " + std::to_string(e.event_id()) + " (" + enums::EventType_Name(e.event_type())
              + ") is from the future");
  check_order(r, e, at);
  switch (e.event_type()) {
    case enums::EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
      r.attempts[e.event_id()] = e.workflow_task_scheduled_event_attributes().attempt();
      break;
    case enums::EVENT_TYPE_WORKFLOW_TASK_STARTED:
      on_task_started(r, e);
      break;
    case enums::EVENT_TYPE_TIMER_STARTED:
      r.timers[e.event_id()]
        = at + from_proto(e.timer_started_event_attributes().start_to_fire_timeout());
      break;
    case enums::EVENT_TYPE_TIMER_FIRED: {
      auto due = r.timers.find(e.timer_fired_event_attributes().started_event_id());
      if (due == r.timers.end())
        fail(r, "a timer that was not started, or fired before");
      else if (at < due->second)
        fail(r, "timer " + e.timer_fired_event_attributes().timer_id() + " fired early");
      else
        r.timers.erase(due);
      break;
    }
    case enums::EVENT_TYPE_TIMER_CANCELED:
      r.timers.erase(e.timer_canceled_event_attributes().started_event_id());
      break;
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
      on_signal(r, e.workflow_execution_signaled_event_attributes().signal_name());
      break;
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: {
      const auto& id
        = e.workflow_execution_update_accepted_event_attributes().protocol_instance_id();
      if (++r.accepted[id] > 1)
        fail(r, "update " + id + " was accepted twice");
      break;
    }
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED: {
      const auto& id = e.workflow_execution_update_completed_event_attributes().meta().update_id();
      if (++r.completed[id] > 1 || !r.accepted.contains(id))
        fail(r, "update " + id + " was completed twice, or never accepted");
      break;
    }
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
      note_parent(r);
      break;
    default:
      on_answer_of_other(r, e);
      on_child(r, e);
      break;
  }
}

void ledger::on_signal(run_record& r, const std::string& name) {
  if (++r.signals[name] > 1)
    fail(r, "signal " + name + " is there twice");
  // What a reset tells again was taken by the run that it made another of.
  if (copies_ || !name.starts_with("from "))
    return;
  ++all_.happened["signals of other workflows"];
  // What the store lost its sender may send anew.
  if (++told_by_others_[name] > 1 && !has_forgotten_)
    fail(r, "a message was taken twice: signal " + name);
}

/// What a run is told of what it asked of others is so.
void ledger::on_answer_of_other(run_record& r, const history_event& e) {
  if (e.has_signal_external_workflow_execution_initiated_event_attributes()) {
    const auto& a = e.signal_external_workflow_execution_initiated_event_attributes();
    r.asked[e.event_id()] = a.signal_name();
  } else if (e.has_external_workflow_execution_signaled_event_attributes()) {
    const auto& a = e.external_workflow_execution_signaled_event_attributes();
    const auto& name = r.asked[a.initiated_event_id()];
    if (!holds_signal(a.workflow_execution().workflow_id(), name) && !was_lost(name))
      fail(r, "is told that its signal " + name + " was taken, which nobody has");
  } else if (e.has_signal_external_workflow_execution_failed_event_attributes()) {
    const auto& a = e.signal_external_workflow_execution_failed_event_attributes();
    const auto& name = r.asked[a.initiated_event_id()];
    ++all_.happened["signals to nobody"];
    if (!has_forgotten_ && holds_signal(a.workflow_execution().workflow_id(), name))
      fail(r, "is told that its signal " + name + " reached nobody, but it was taken");
  } else if (e.has_external_workflow_execution_cancel_requested_event_attributes()) {
    ++all_.happened["requests to other workflows to cancel"];
  }
}

/// Each child that was asked for is begun once.
void ledger::note_parent(const run_record& r) {
  const auto& started = r.state.started();
  if (copies_ || !started.has_parent_workflow_execution()
      || !started.continued_execution_run_id().empty())
    return;
  ++all_.happened["children"];
  auto& times = children_begun_[{started.parent_workflow_execution().run_id(),
                                 started.parent_initiated_event_id()}];
  if (++times > 1 && !has_forgotten_)
    fail(r, "a child was started twice");
}

/// What a parent is told of its child is so.
void ledger::on_child(run_record& r, const history_event& e) {
  if (e.has_child_workflow_execution_started_event_attributes()) {
    const auto& a = e.child_workflow_execution_started_event_attributes();
    auto child = runs_.find(a.workflow_execution().run_id());
    if (child == runs_.end() && !has_forgotten_)
      fail(r, "is told that a child has started, which nobody knows");
    return;
  }
  const auto& rule = engine::rule_of(e.event_type());
  if (rule.set_begin == nullptr || rule.asked_for_by == nullptr
      || !enums::EventType_Name(e.event_type()).starts_with("EVENT_TYPE_CHILD_"))
    return;
  ++all_.happened["ends of children"];
  if (++r.child_ends[rule.asked_for_by(e)] > 1)
    fail(r, "is told twice how its child ended");
}

/// Events of workflow tasks are never buffered: their times go only forward.
void ledger::check_order(run_record& r, const history_event& e, time_point at) {
  switch (e.event_type()) {
    case enums::EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
    case enums::EVENT_TYPE_WORKFLOW_TASK_STARTED:
    case enums::EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
    case enums::EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
    case enums::EVENT_TYPE_WORKFLOW_TASK_FAILED:
      if (at < r.task_event_at)
        fail(r, "event " + std::to_string(e.event_id()) + " is older than one before it");
      r.task_event_at = at;
      return;
    default:
      return;
  }
}

void ledger::on_head(run_record& r, const store::run_write& w) {
  auto grown = w.what == store::run_write::kind::append ? 1U : 0U;
  if (w.what != store::run_write::kind::create && w.head.last_seq != r.head.last_seq + grown)
    fail(r, "row " + std::to_string(w.head.last_seq) + " behind row "
              + std::to_string(r.head.last_seq));
  r.head = w.head;
  if (w.head.next_event_id != r.state.next_event_id())
    fail(r, "its row knows another next event than its journal");
  if (w.head.status != static_cast<int>(r.state.status()))
    fail(r, "its row has another status than its journal");
  if (w.head.timer_at != engine::next_deadline(r.state))
    fail(r, "timer_at is not its next deadline");
  if (w.head.offer_at != engine::undelivered_since(r.state))
    fail(r, "offer_at is not what it waits to deliver");
  if (w.visibility)
    r.visible = w.visibility;
  if (!r.visible || r.visible->status != w.head.status)
    fail(r, "its listing has another status");
  else if (r.visible->close_time.has_value() == engine::is_open(r.state)
           || (r.visible->close_time && *r.visible->close_time != from_proto(r.state.close_time())))
    fail(r, "its listing has another close time");
}

void ledger::on_snapshot(run_record& r, const store::run_write& w) {
  if (w.forget_facts_to && *w.forget_facts_to > r.snapshot_seq)
    fail(r, "facts are forgotten that no durable snapshot holds");
  if (w.forget_facts_to)
    ++all_.happened["facts deleted behind a snapshot"];
  if (!w.snap)
    return;
  engine::execution state;
  if (!state.ParseFromString(w.snap->state))
    return fail(r, "a snapshot that does not parse");
  if (w.snap->seq == r.head.last_seq && !same(state, r.state))
    fail(r, "a snapshot that is not the fold of its journal");
  ++all_.happened["snapshots"];
  r.snapshot_seq = std::max(r.snapshot_seq, w.snap->seq);
}

void ledger::on_erase(run_record& r) {
  if (engine::is_open(r.state))
    fail(r, "erased while open");
  else if (from_proto(r.state.close_time()) + from_proto(r.state.created().retention())
           > all_.server_time().now())
    fail(r, "erased before the end of its retention");
  r.erased = true;
}

void ledger::note_start(const attempt& which, std::uint64_t start_id) {
  auto& known = starts_[which];
  if (!known.insert(start_id).second || known.size() == 1)
    return;
  all_.fail("run " + std::get<0>(which) + ": attempt " + std::to_string(std::get<2>(which))
            + " of task " + std::to_string(std::get<1>(which)) + " started twice");
}

void ledger::on_task_started(run_record& r, const history_event& e) {
  const auto& a = e.workflow_task_started_event_attributes();
  r.task_starts.insert(from_proto(e.event_time()));
  // Of a task that came with an answer: which start it is stands in the state (note_starts).
  if (a.request_id() == "request-from-RespondWorkflowTaskCompleted"
      || a.request_id() == r.state.created().start_request_id())
    return;
  attempt which{r.head.run_id, a.scheduled_event_id(), r.attempts[a.scheduled_event_id()]};
  auto start_id = engine::start_id_of(a.request_id());
  note_start(which, start_id);
  auto shown = early_.find({which, start_id});
  if (shown != early_.end() && shown->second != r.fingerprints.back())
    fail(r, "event " + std::to_string(e.event_id()) + " was shown early, otherwise than it is now");
}

void ledger::note_starts(run_record& r) {
  const auto& x = r.state;
  const auto& task = x.workflow_task();
  std::erase_if(r.started, [&](const auto& s) {
    return !engine::is_open(x)
           || (s.first != task.scheduled_event_id() && !x.activities().contains(s.first));
  });
  if (!engine::is_open(x))
    return;
  if (task.taken_back())
    note_taken_back(r, {r.head.run_id, task.scheduled_event_id(), task.attempt()});
  if (task.start_id() != 0)
    r.task_starts.insert(from_proto(task.started_time()));
  if (task.scheduled_event_id() != 0)
    note_task(r, task.scheduled_event_id(), task.attempt(), task.start_id());
  for (const auto& [id, a] : x.activities())
    note_task(r, id, a.progress().attempt(), a.progress().start_id());
}

/// `start_id`: 0 when it is not started.
void ledger::note_task(run_record& r, std::int64_t scheduled, std::int32_t number,
                       std::uint64_t start_id) {
  auto before = r.started.find(scheduled);
  if (before != r.started.end() && before->second.start_id != start_id) {
    auto was = before->second;
    r.started.erase(before);
    attempt which{r.head.run_id, scheduled, number};
    auto is_eager = r.state.started().eager_execution_accepted()
                    && r.state.previous_started_event_id() == 0 && number == 1;
    if (was.attempt == number && start_id == 0)
      note_taken_back(r, which);
    else if (was.attempt == number && is_eager)
      note_given_again(which);
  }
  if (start_id == 0)
    return;
  note_start({r.head.run_id, scheduled, number}, start_id);
  r.started.try_emplace(
    scheduled,
    task_start{.attempt = number, .start_id = start_id, .since = all_.now(), .reign = reign_});
}

void ledger::note_taken_back(const run_record& r, const attempt& which) {
  for (auto start_id : std::exchange(starts_[which], {})) {
    if (handed_out_.contains({which, start_id}))
      fail(r, "task " + std::to_string(std::get<1>(which))
                + " was taken back from the worker that has it");
    taken_back_.insert({which, start_id});
    ++all_.happened["tasks taken back"];
  }
}

/// The start request came again, and was given the task by another start.
void ledger::note_given_again(const attempt& which) {
  for (auto start_id : std::exchange(starts_[which], {}))
    superseded_.insert({which, start_id});
  ++all_.happened["eager tasks given again"];
}

void ledger::check_hand_outs(time_point calm) {
  if (in_doubt())
    return;
  // More than any answer takes that does not wait for a store or a scheduler.
  constexpr duration patience = 5s;
  for (const auto& [id, r] : runs_)
    for (const auto& [scheduled, s] : r.started) {
      std::pair start{attempt{id, scheduled, s.attempt}, s.start_id};
      auto is_judged = !r.erased && s.reign == reign_ && s.since >= calm
                       && all_.now() - s.since > patience;
      if (is_judged && !handed_out_.contains(start))
        fail(r, "task " + std::to_string(scheduled)
                  + " is started, and neither reached a worker nor waits for one");
    }
}

// -- what leaves the server ----------------------------------------------------------------------

void ledger::saw_history(const std::string& run_id, const History& history) {
  if (history.events().empty())
    return;
  auto found = runs_.find(run_id);
  if (found == runs_.end())
    return fail_shown("the history of run " + run_id + " was shown, which is not durable");
  auto& r = found->second;
  auto size = static_cast<std::int64_t>(r.fingerprints.size());
  auto last = history.events().rbegin()->event_id();
  std::int64_t transient_scheduled = 0;
  for (const auto& e : history.events()) {
    auto known = e.event_id() >= 1 && e.event_id() <= size;
    if (known && fingerprint(e) == r.fingerprints[static_cast<std::size_t>(e.event_id() - 1)])
      continue;
    // The events of a transient or speculative workflow task are in no journal, and have no number
    // of one; they end a history, one behind the other. Where an answer is late, others may have
    // taken their place meanwhile.
    auto scheduled = e.event_type() == enums::EVENT_TYPE_WORKFLOW_TASK_SCHEDULED && e.task_id() == 0
                     && e.event_id() + 1 >= last;
    auto started = e.event_type() == enums::EVENT_TYPE_WORKFLOW_TASK_STARTED && e.event_id() == last
                   && transient_scheduled == last - 1;
    if (scheduled)
      transient_scheduled = e.event_id();
    if (!scheduled && !started)
      fail_shown(r, "event " + std::to_string(e.event_id())
                      + (known ? " was shown otherwise than it is stored"
                               : " was shown before it was durable"));
  }
}

void ledger::saw_page(const History& page, const std::string& request_token,
                      const std::string& answer_token) {
  if (page.events().empty())
    return;
  cluster::HistoryToken token;
  for (const auto& bytes : {request_token, answer_token})
    if (!bytes.empty() && token.ParseFromString(bytes) && !token.run_id().empty())
      return saw_history(token.run_id(), page);
  // Nothing in it says whose it is.
  auto run_id = run_of(page);
  if (run_id.empty())
    return fail_shown("events were shown that no run has");
  saw_history(run_id, page);
}

std::string ledger::run_of(const History& page) const {
  std::string best;
  auto most = 0;
  for (const auto& [id, r] : runs_) {
    auto same = 0;
    for (const auto& e : page.events()) {
      auto place = static_cast<std::size_t>(e.event_id() - 1);
      if (place < r.fingerprints.size() && fingerprint(e) == r.fingerprints[place])
        ++same;
    }
    if (same > most)
      best = id;
    most = std::max(most, same);
  }
  return best;
}

void ledger::saw_start(const std::string& workflow_id, const std::string& request_id,
                       const std::string& run_id) {
  auto found = runs_.find(run_id);
  if (found == runs_.end() || found->second.head.workflow_id != workflow_id)
    return fail_shown("start of " + workflow_id + " was acknowledged with run " + run_id
                      + ", which is not durable");
  if (found != runs_.end())
    started_.emplace(request_id, run_id);
}

bool ledger::holds_signal(const std::string& workflow_id, const std::string& signal) const {
  for (const auto& [id, r] : runs_) {
    if (r.head.workflow_id != workflow_id)
      continue;
    if (r.signals.contains(signal))
      return true;
    for (const auto& e : r.state.buffered_events())
      if (e.workflow_execution_signaled_event_attributes().signal_name() == signal)
        return true;
  }
  return false;
}

bool ledger::was_lost(const std::string& signal) const {
  return std::ranges::any_of(forgotten_, [&](const auto& row) { return row.contains(signal); });
}

void ledger::saw_signal_accepted(const std::string& workflow_id, const std::string& signal) {
  auto is_held = holds_signal(workflow_id, signal);
  if (is_held || !in_doubt())
    signalled_.emplace(signal, workflow_id);
  if (!is_held)
    fail_shown("signal " + signal + " of " + workflow_id
               + " was acknowledged before it was durable");
}

bool ledger::has_started(const cluster::TaskToken& t) const {
  auto found = starts_.find({t.run_id(), t.scheduled_event_id(), t.attempt()});
  return found != starts_.end() && found->second.contains(t.start_id());
}

void ledger::check_task(const std::string& kind, const std::string& token,
                        const std::string& request_id) {
  cluster::TaskToken t;
  if (!t.ParseFromString(token))
    return all_.fail("a " + kind + " token that is none");
  attempt which{t.run_id(), t.scheduled_event_id(), t.attempt()};
  auto is_known = has_started(t) || early_.contains({which, t.start_id()})
                  || superseded_.contains({which, t.start_id()})
                  || speculative_.contains({which, t.start_id()});
  if (!is_known)
    fail_shown("a " + kind + " task of run " + t.run_id() + " reached a worker before its start ("
               + std::to_string(t.scheduled_event_id()) + ", attempt " + std::to_string(t.attempt())
               + ") was durable");
  if (taken_back_.contains({which, t.start_id()}))
    fail_shown("a " + kind + " task of run " + t.run_id()
               + " reached a worker, but was taken back");
  auto [handed, fresh] = handed_out_.try_emplace({which, t.start_id()}, request_id);
  if (!fresh && (request_id.empty() || handed->second != request_id))
    fail_shown("a " + kind + " task of run " + t.run_id() + " reached two workers");
}

void ledger::saw_workflow_task(const service::PollWorkflowTaskQueueResponse& task) {
  const auto& run_id = task.workflow_execution().run_id();
  if (task.has_query())
    return saw_history(run_id, task.history());
  if (!note_early_start(task)) {
    note_speculative(task);
    saw_history(run_id, task.history());
  }
  check_workflow_task(task, {});
}

/// True when its start is not durable, but for that in order; its history is judged then.
bool ledger::note_early_start(const service::PollWorkflowTaskQueueResponse& task) {
  cluster::TaskToken t;
  auto found = runs_.find(task.workflow_execution().run_id());
  auto complete = task.next_page_token().empty() && !task.history().events().empty();
  if (!complete || found == runs_.end() || !t.ParseFromString(task.task_token()) || has_started(t))
    return false;
  const auto& r = found->second;
  const auto& started = *task.history().events().rbegin();
  const auto& a = started.workflow_task_started_event_attributes();
  auto fits = started.event_type() == enums::EVENT_TYPE_WORKFLOW_TASK_STARTED
              && started.event_id() == t.started_event_id() && t.attempt() == 1
              && a.scheduled_event_id() == t.scheduled_event_id()
              && engine::start_id_of(a.request_id()) == t.start_id()
              && r.attempts.contains(t.scheduled_event_id());
  if (!fits)
    return false;
  early_[{{t.run_id(), t.scheduled_event_id(), t.attempt()}, t.start_id()}] = fingerprint(started);
  auto before = task.history();
  before.mutable_events()->RemoveLast();
  saw_history(t.run_id(), before);
  return true;
}

/// True when its task is written nowhere: it is for updates then, and no history has its place.
bool ledger::note_speculative(const service::PollWorkflowTaskQueueResponse& task) {
  cluster::TaskToken t;
  auto found = runs_.find(task.workflow_execution().run_id());
  if (found == runs_.end() || task.messages().empty() || !t.ParseFromString(task.task_token())
      || has_started(t) || t.attempt() != 1)
    return false;
  ++all_.happened["speculative tasks"];
  speculative_.insert({{t.run_id(), t.scheduled_event_id(), t.attempt()}, t.start_id()});
  return true;
}

void ledger::saw_next_task(const service::PollWorkflowTaskQueueResponse& task) {
  note_speculative(task);
  saw_history(task.workflow_execution().run_id(), task.history());
  check_workflow_task(task, {});
}

void ledger::saw_workflow_task_ended(const std::string& token) {
  cluster::TaskToken t;
  if (t.ParseFromString(token)
      && speculative_.contains({{t.run_id(), t.scheduled_event_id(), t.attempt()}, t.start_id()}))
    return;
  if (!has_started(t))
    fail_shown("an answer to a workflow task of run " + t.run_id()
               + " was accepted, whose start was lost");
}

void ledger::saw_eager_task(const std::string& request_id,
                            const service::PollWorkflowTaskQueueResponse& task) {
  saw_history(task.workflow_execution().run_id(), task.history());
  check_workflow_task(task, request_id);
}

void ledger::check_workflow_task(const service::PollWorkflowTaskQueueResponse& task,
                                 const std::string& request_id) {
  const auto& run_id = task.workflow_execution().run_id();
  check_task("workflow", task.task_token(), request_id);
  auto next = task.history().events().empty() ? 0 : task.history().events(0).event_id();
  if (next != 1 && next != task.previous_started_event_id() + 1)
    all_.fail("a workflow task's history of run " + run_id + " begins at " + std::to_string(next));
  for (const auto& e : task.history().events())
    if (e.event_id() != next++)
      return all_.fail("a workflow task's history of run " + run_id + " has a gap at "
                       + std::to_string(next - 1));
  if (task.next_page_token().empty() && next != task.started_event_id() + 1)
    all_.fail("a workflow task's history of run " + run_id + " ends at " + std::to_string(next - 1)
              + " instead of " + std::to_string(task.started_event_id()));
}

void ledger::saw_activity_task(const service::PollActivityTaskQueueResponse& task) {
  check_task("activity", task.task_token(), {});
  const auto& run_id = task.workflow_execution().run_id();
  // Of what the store lost nobody knows that it was begun.
  if (task.retry_policy().maximum_attempts() != 1 || has_forgotten_)
    return;
  if (++single_attempts_[run_id + "/" + task.activity_id()] > 1)
    fail_shown("activity " + task.activity_id() + " of run " + run_id
               + " with one attempt was executed twice");
}

void ledger::saw_description(const service::DescribeWorkflowExecutionResponse& said) {
  const auto& info = said.workflow_execution_info();
  const auto& run_id = info.execution().run_id();
  saw_status(run_id, info.status());
  auto found = runs_.find(run_id);
  if (found == runs_.end())
    return;
  const auto& r = found->second;
  if (info.history_length() > static_cast<std::int64_t>(r.fingerprints.size()))
    fail_shown(r, "its length was shown before it was durable");
  const auto& task = said.pending_workflow_task();
  if (task.state() == enums::PENDING_WORKFLOW_TASK_STATE_STARTED
      && !updated_.contains(info.execution().workflow_id())
      && !r.task_starts.contains(from_proto(task.started_time())))
    fail_shown(r, "its workflow task was shown as started before it was");
}

void ledger::saw_update(const temporal::api::update::v1::UpdateRef& which, int stage,
                        bool succeeded) {
  auto found = runs_.find(which.workflow_execution().run_id());
  if (found == runs_.end())
    return fail_shown("an update of run " + which.workflow_execution().run_id()
                      + " was shown, which is not durable");
  const auto& r = found->second;
  const auto& id = which.update_id();
  auto is_accepted = stage == enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED;
  if (is_accepted && !r.accepted.contains(id))
    fail_shown(r, "update " + id + " was shown as accepted before that was durable");
  if (succeeded && !r.completed.contains(id))
    fail_shown(r, "the result of update " + id + " was shown before it was durable");
  ++all_.happened[succeeded     ? "updates completed"
                  : is_accepted ? "updates accepted"
                                : "updates else"];
}

void ledger::saw_status(const std::string& run_id, int status) {
  auto found = runs_.find(run_id);
  if (found == runs_.end())
    return fail_shown("run " + run_id + " was shown, which is not durable");
  if (status != enums::WORKFLOW_EXECUTION_STATUS_RUNNING
      && status != static_cast<int>(found->second.state.status()))
    fail_shown(found->second, "was shown closed otherwise than it is stored");
}

// -- the end -------------------------------------------------------------------------------------

std::size_t ledger::open_runs() const {
  std::size_t n = 0;
  for (const auto& [id, r] : runs_)
    n += !r.erased && engine::is_open(r.state) ? 1 : 0;
  return n;
}

std::size_t ledger::lost_starts() const {
  std::size_t n = 0;
  for (const auto& [start, print] : early_) {
    auto found = starts_.find(start.first);
    n += found == starts_.end() || !found->second.contains(start.second) ? 1 : 0;
  }
  return n;
}

void ledger::check_messages() {
  for (const auto& [id, r] : runs_)
    if (!r.erased && engine::waits_for_answers(r.state))
      fail(r, "waits for answers at the end: " + r.state.outbox().begin()->second.DebugString());
}

void ledger::check_promises() {
  for (const auto& [request_id, run_id] : started_)
    if (!runs_.contains(run_id))
      all_.fail("the acknowledged start " + request_id + " is lost");
  for (const auto& [signal, workflow_id] : signalled_) {
    auto times = 0;
    for (const auto& [id, r] : runs_)
      if (auto found = r.signals.find(signal);
          found != r.signals.end() && !r.told_again.contains(signal))
        times += found->second;
    if (times == 0)
      all_.fail("the acknowledged signal " + signal + " of " + workflow_id + " is lost");
    if (times > signal_tries_[signal])
      all_.fail("signal " + signal + " is there more often than it was sent");
  }
}

} // namespace reprise::simulation
