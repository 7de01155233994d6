#pragma once

// Several workflows that send each other messages: what slots and their store do, without actors.
// Each workflow is an engine_fixture; an inbox remembers what an id answered. Nothing moves but
// what the test moves, and anything may be lost.

#include "engine/machine/features.hpp"
#include "tests/support/activity_fixture.hpp"

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace reprise::testing {

class post {
public:
  using message_id = std::tuple<std::string, std::int64_t, std::uint64_t>;

  /// The workflow of this id; it need not have a run.
  activity_fixture& at(const std::string& id) {
    auto [i, is_new] = all_.try_emplace(id);
    if (is_new) {
      i->second.id = id;
      i->second.ids = seeded_ids{all_.size() * 77};
    }
    return i->second;
  }

  template <class Message>
  static message_id id_of(const Message& m) {
    return {m.run_id(), m.number(), m.word()};
  }

  /// What one of its runs sent last, and forgets to have sent.
  outbox::Message take(const std::string& from) {
    auto& sent = at(from).messages;
    REQUIRE_FALSE(sent.empty());
    auto out = sent.back();
    sent.pop_back();
    return out;
  }

  static cluster::ExecutionRequest delivery(const std::string& from, const outbox::Message& m,
                                            time_point sent_at) {
    cluster::ExecutionRequest request;
    auto& d = *request.mutable_deliver();
    *d.mutable_message() = m;
    *d.mutable_from() = m.to();
    d.mutable_from()->set_id(from);
    *d.mutable_sent_at() = engine::to_proto(sent_at);
    return request;
  }

  /// A copy reaches its receiver, which says this; nothing: it says nothing. `is_committed`: else
  /// the receiver dies before what it decided is durable.
  std::optional<outbox::Answered> deliver(const std::string& from, const outbox::Message& m,
                                          bool is_committed = true) {
    auto& to = at(m.to().id());
    auto& known = inboxes_[to.id];
    if (auto i = known.find(id_of(m)); i != known.end())
      return i->second.answered;
    auto before = to;
    auto request = delivery(from, m, to.now);
    request.mutable_deliver()->set_start_is_known(m.has_withdraw()
                                                  && known.contains(id_of(m.withdraw())));
    auto done = to.apply(request);
    if (!is_committed) {
      to = std::move(before);
      return std::nullopt;
    }
    if (!done.taken)
      return std::nullopt;
    outbox::Answered out;
    out.set_run_id(m.run_id());
    out.set_number(m.number());
    out.set_word(m.word());
    *out.mutable_answer() = done.taken->answer;
    if (done.taken->is_remembered)
      known.emplace(id_of(m), remembered_message{.answered = out, .sender = from});
    if (const auto& refused = done.taken->refuses) {
      CHECK(known.emplace(id_of(*refused), remembered_message{.answered = *refused, .sender = from})
              .second);
      forgotten_.insert(id_of(*refused));
    }
    return out;
  }

  /// The answer reaches its sender; true: the receiver may forget the message.
  bool answer(const std::string& to, const outbox::Answered& answered, bool is_committed = true) {
    auto& sender = at(to);
    auto before = sender;
    cluster::ExecutionRequest request;
    *request.mutable_answered() = answered;
    auto done = sender.apply(request);
    if (!is_committed) {
      sender = std::move(before);
      return false;
    }
    return done.forget;
  }

  void forget(const outbox::Message& m) {
    auto& known = inboxes_[m.to().id()];
    if (known.contains(id_of(m)))
      forgotten_.insert(id_of(m));
  }

  /// What a slot that takes the workflow over asks each of its runs for.
  std::vector<outbox::Message> again(const std::string& from) {
    auto& sender = at(from);
    std::vector<outbox::Message> out;
    for (std::size_t i = 0; i < sender.runs.size(); ++i) {
      cluster::ExecutionRequest request;
      request.set_run_id(sender.runs[i].state.created().run_id());
      request.mutable_reoffer()->set_only_messages(true);
      auto done = sender.apply(request);
      out.insert(out.end(), done.messages.begin(), done.messages.end());
    }
    return out;
  }

  /// Everything that was lost is sent again, until there is nothing to send.
  void settle() {
    constexpr int rounds_max = 20;
    for (int round = 0; round < rounds_max; ++round) {
      auto sent = false;
      for (auto& [from, sender] : all_)
        for (const auto& m : again(from)) {
          sent = true;
          if (auto said = deliver(from, m); said && answer(from, *said))
            forget(m);
        }
      if (!sent)
        return ask_senders();
    }
    FAIL("messages go back and forth without end");
  }

  /// As an hour later: of what nobody forgot the senders are given the answer again.
  void ask_senders() {
    for (auto& [id, known] : inboxes_)
      for (auto& [message, row] : known)
        if (!forgotten_.contains(message) && answer(row.sender, row.answered))
          forgotten_.insert(message);
  }

  /// The workflow is reset to the last of its workflow tasks, of which one is completed first.
  static void reset_to_last_task(activity_fixture& f) {
    if (f.runs.empty() || !f.offered())
      return;
    f.complete(f.poll());
    std::int64_t task = 0;
    for (const auto& e : f.events_of(f.runs.size() - 1))
      if (e.has_workflow_task_completed_event_attributes())
        task = e.event_id();
    CHECK_FALSE(f.reset(f.reset_at(task)).refusal);
  }

  /// Messages that somebody took, and that nobody said to forget.
  std::size_t remembered() const {
    std::size_t n = 0;
    for (const auto& [id, known] : inboxes_)
      for (const auto& [message, row] : known)
        n += forgotten_.contains(message) ? 0 : 1;
    return n;
  }

  /// All runs of it wait for no answer.
  bool is_quiet(const std::string& id) {
    for (const auto& run : at(id).runs)
      if (engine::waits_for_answers(run.state))
        return false;
    return true;
  }

private:
  struct remembered_message {
    outbox::Answered answered{};
    std::string sender{};
  };

  std::map<std::string, activity_fixture> all_;
  std::map<std::string, std::map<message_id, remembered_message>> inboxes_;
  std::set<message_id> forgotten_;
};

} // namespace reprise::testing
