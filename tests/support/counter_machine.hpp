#pragma once

// A kind of durable actor that no server has. It counts; it can be told to count on by itself after
// a while, has work for workers, and lets callers wait for a number. Its requests come in the
// bodies of workflows' calls, for want of its own. Everything that its shell does for it, it does
// for any other kind.

#include "engine/machine/errors.hpp"
#include "engine/machine/machine.hpp"

#include <google/protobuf/struct.pb.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace reprise::testing {

/// Callers who wait for a number.
class counter_session final : public engine::session {
public:
  struct waiting {
    engine::caller_number caller = 0;
    std::int64_t wanted = 0;
    time_point until{};
  };

  std::optional<time_point> next_deadline() const override {
    std::optional<time_point> out;
    for (const auto& w : all)
      out = out ? std::min(*out, w.until) : w.until;
    return out;
  }

  void drop(engine::caller_number caller) override {
    std::erase_if(all, [&](const waiting& w) { return w.caller == caller; });
  }

  std::vector<waiting> all;
};

class counter_machine final : public engine::machine {
public:
  static constexpr duration nap = std::chrono::minutes{1};
  static constexpr duration patience = std::chrono::seconds{30};
  static constexpr duration retention = std::chrono::hours{1};

  machine_kind kind() const noexcept override {
    return machine_kind::batch;
  }

  bool begins(const cluster::ExecutionRequest& request) const override {
    return request.has_start();
  }

  const std::string& run_of(const cluster::ExecutionRequest& request) const override {
    return request.run_id();
  }

  std::optional<error> refusal(const cluster::ExecutionRequest& request) const override {
    return request.has_signal() && request.signal().signal_name().empty()
             ? std::optional{engine::invalid_argument("what?")}
             : std::nullopt;
  }

  engine::decision decide(engine::run_state& run, engine::session_ptr& held,
                          const engine::asked& q) const override {
    const auto& r = *q.request;
    if (r.has_start())
      return begin(run, q);
    if (!run)
      return refused(engine::not_found("no such counter"));
    auto& x = run.as<state>();
    if (r.has_describe() || r.has_unpark())
      return said(x, {.only_read = true});
    if (r.has_query())
      return wait_for(x, held, q);
    engine::decision out;
    if (r.has_delete_execution())
      out.erase = true;
    else if (r.has_signal())
      on_signal(x, r.signal().signal_name(), q.c.now, out);
    else if (r.has_wake())
      on_wake(x, q.c.now, out);
    else if (r.has_reoffer())
      out.offers = undelivered_tasks(run, q.c.now);
    else if (r.has_start_activity_task())
      on_taken(x, out);
    tell(x, held, q.c.now, out);
    return said(x, std::move(out));
  }

  engine::run_state make_state() const override {
    return engine::make_run_state(state{});
  }

  std::size_t least_bytes() const noexcept override {
    return sizeof(state);
  }

  bool evolve(engine::run_state& run, const engine::record& row) const override {
    state change;
    if (!protocol::parse_stored(change, row.facts) || change.fields().contains("poison"))
      return false;
    fold(run.as<state>(), change);
    return true;
  }

  engine::standing standing_of(const engine::run_state& run) const override {
    const auto& x = run.as<state>();
    auto open = number(x, "closed at") == 0;
    return {.namespace_id = text(x, "namespace"),
            .id = text(x, "id"),
            .run_id = text(x, "run"),
            .next_event_id = 1,
            .status = open ? 1 : 2,
            .open = open};
  }

  std::optional<time_point> next_deadline(const engine::run_state& run) const override {
    const auto& x = run.as<state>();
    if (auto closed = number(x, "closed at"); closed != 0)
      return time_point{duration{closed}} + retention;
    auto at = number(x, "wakes at");
    return at == 0 ? std::nullopt : std::optional{time_point{duration{at}}};
  }

  std::optional<time_point> undelivered_since(const engine::run_state& run) const override {
    auto since = number(run.as<state>(), "work since");
    return since == 0 ? std::nullopt : std::optional{time_point{duration{since}}};
  }

  std::vector<cluster::Task> undelivered_tasks(const engine::run_state& run,
                                               time_point) const override {
    const auto& x = run.as<state>();
    if (number(x, "work since") == 0)
      return {};
    return {task_of(x)};
  }

  engine::listing list(const engine::run_state& run,
                       const protocol::search_attribute_types&) const override {
    const auto& x = run.as<state>();
    return {.type = "counter",
            .status = standing_of(run).status,
            .start_time = time_point{duration{number(x, "began at")}}};
  }

private:
  using state = google::protobuf::Struct;

  static const std::string& text(const state& x, const std::string& name) {
    static const std::string none;
    auto found = x.fields().find(name);
    return found == x.fields().end() ? none : found->second.string_value();
  }

  static std::int64_t number(const state& x, const std::string& name) {
    const auto& digits = text(x, name);
    return digits.empty() ? 0 : std::stoll(digits);
  }

  static void set(state& x, const std::string& name, std::string value) {
    (*x.mutable_fields())[name].set_string_value(std::move(value));
  }

  static void set(state& x, const std::string& name, std::int64_t value) {
    set(x, name, std::to_string(value));
  }

  static void fold(state& x, const state& change) {
    for (const auto& [name, value] : change.fields())
      (*x.mutable_fields())[name] = value;
  }

  static void change(state& x, const state& by, engine::decision& out) {
    fold(x, by);
    out.written = {.first_event_id = 1, .facts = by.SerializeAsString()};
  }

  static cluster::Task task_of(const state& x) {
    cluster::Task out;
    out.set_kind(cluster::Task::ACTIVITY);
    out.set_machine(static_cast<std::uint32_t>(machine_kind::batch));
    out.set_namespace_id(text(x, "namespace"));
    out.set_workflow_id(text(x, "id"));
    out.set_run_id(text(x, "run"));
    out.set_scheduled_event_id(1);
    out.set_attempt(1);
    out.set_task_queue("counting");
    return out;
  }

  static engine::decision refused(error why) {
    engine::decision out{.only_read = true};
    out.reply.now.failure = std::move(why);
    return out;
  }

  static engine::decision said(const state& x, engine::decision out) {
    out.reply.now.response = text(x, "count");
    return out;
  }

  engine::decision begin(const engine::run_state& run, const engine::asked& q) const {
    if (run && standing_of(run).open)
      return refused(make_error(errc::already_exists, "it counts already"));
    state first;
    set(first, "namespace", q.request->namespace_id());
    set(first, "id", q.request->workflow_id());
    set(first, "run", q.c.ids.uuid7(q.c.now));
    set(first, "count", 0);
    set(first, "began at", q.c.now.time_since_epoch().count());
    engine::decision out;
    out.reply.now.response = text(first, "run");
    engine::record written{.first_event_id = 1, .facts = first.SerializeAsString()};
    out.successor = engine::begun_run{.state = engine::make_run_state(std::move(first)),
                                      .written = std::move(written)};
    return out;
  }

  static void on_signal(state& x, const std::string& what, time_point now, engine::decision& out) {
    state by;
    if (what == "add")
      set(by, "count", number(x, "count") + 1);
    else if (what == "add after a nap")
      set(by, "wakes at", (now + nap).time_since_epoch().count());
    else if (what == "work")
      set(by, "work since", now.time_since_epoch().count());
    else if (what == "close")
      set(by, "closed at", now.time_since_epoch().count());
    else
      set(by, what, "?");
    out.visibility_changed = what == "close";
    change(x, by, out);
    if (what == "work")
      out.offers.push_back(task_of(x));
  }

  void on_wake(state& x, time_point now, engine::decision& out) const {
    if (number(x, "closed at") != 0) {
      out.erase = time_point{duration{number(x, "closed at")}} + retention <= now;
      return;
    }
    auto at = number(x, "wakes at");
    if (at == 0 || time_point{duration{at}} > now)
      return;
    state by;
    set(by, "count", number(x, "count") + 1);
    set(by, "wakes at", 0);
    change(x, by, out);
  }

  static void on_taken(state& x, engine::decision& out) {
    out.obsolete_task = number(x, "work since") == 0;
    if (out.obsolete_task)
      return;
    state by;
    set(by, "work since", 0);
    change(x, by, out);
  }

  static engine::decision wait_for(const state& x, engine::session_ptr& held,
                                   const engine::asked& q) {
    engine::decision out{.only_read = true};
    auto wanted = std::stoll(q.request->query().query().query_type());
    if (number(x, "count") >= wanted)
      return said(x, std::move(out));
    if (!held)
      held = std::make_unique<counter_session>();
    static_cast<counter_session&>(*held).all.push_back(
      {.caller = q.caller, .wanted = wanted, .until = q.c.now + patience});
    out.caller_stays = true;
    return out;
  }

  static void tell(const state& x, engine::session_ptr& held, time_point now,
                   engine::decision& out) {
    if (!held)
      return;
    std::erase_if(static_cast<counter_session&>(*held).all, [&](const auto& w) {
      auto reached = number(x, "count") >= w.wanted;
      if (reached)
        out.others.push_back({.to = w.caller, .what = {.response = text(x, "count")}});
      else if (w.until <= now)
        out.others.push_back(
          {.to = w.caller,
           .what = {.failure = make_error(errc::deadline_exceeded, "it counts too slowly")}});
      return reached || w.until <= now;
    });
  }
};

} // namespace reprise::testing
