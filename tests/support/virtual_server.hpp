#pragma once

// A whole server, front door included, on virtual time: one thread, no port, a store that can be
// told to fail. Calls are what the transport would hand over: a method's name and bytes. Knows no
// test framework, so that fuzz targets and the simulation can use it too; tests have
// server_fixture.hpp.

#include "cli/local_server.hpp"
#include "store/faulty.hpp"
#include "store/open.hpp"
#include "tests/support/virtual_time.hpp"

#include <caf/actor_system.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace reprise::testing {

/// What a caller says beside the request.
struct call_options {
  std::optional<duration> timeout{};
  frontend::headers headers{};
};

/// A call that was made: its handle, and the answer when there is one.
struct made_call {
  frontend::call::ptr handle{};
  std::shared_ptr<std::optional<result<std::string>>> slot{};
  std::shared_ptr<int> answers = std::make_shared<int>(0);

  bool answered() const {
    return slot->has_value();
  }

  const result<std::string>& answer() const {
    return **slot;
  }
};

struct virtual_server_options {
  cluster::node_options node{};
  frontend::front_limits front{};
  /// Empty: one in memory.
  std::shared_ptr<store::store> store{};
  cli::first_namespace first{.name = "default"};
};

class virtual_server {
public:
  explicit virtual_server(virtual_server_options options = {})
    : options_(std::move(options)),
      below_(options_.store ? options_.store : store::open_memory()),
      db(below_, [this](store::operation what) { return ask(what); }) {
    options_.node.detached = false;
    options_.node.run_all = [this] { run(); };
    options_.node.on_serving = [this](bool on) {
      if (on_serving)
        on_serving(on);
    };
    prepared = cli::ensure_namespace(*below_, time, options_.first);
    start();
  }

  ~virtual_server() {
    server_.reset();
    run();
  }

  virtual_server(const virtual_server&) = delete;
  virtual_server& operator=(const virtual_server&) = delete;

  /// As a process that starts on the store.
  void start() {
    cli::local_server_options local{.node = options_.node, .front = options_.front};
    local.facts.cluster_id = "33333333-3333-4333-8333-333333333333";
    local.facts.store_kind = below_->kind();
    server_ = std::make_unique<cli::local_server>(system, db, time, registry, std::move(local));
    server_->start();
    run();
  }

  /// As a process that is killed and started again: nothing in memory survives.
  void restart() {
    server_.reset();
    run();
    start();
  }

  /// Lets happen what can happen without time passing.
  void run() {
    scheduler.run();
  }

  void advance(duration d) {
    scheduler.advance_time(d);
    run();
  }

  cli::local_server& server() {
    return *server_;
  }

  frontend::service& front() {
    return server_->front();
  }

  /// The full path of a method, by its name; what has a slash is taken as it is.
  std::string path_of(const std::string& method) {
    if (method.find('/') != std::string::npos)
      return method;
    for (const auto& m : front().methods())
      if (m->name == method)
        return m->path;
    return "/none/" + method;
  }

  /// Makes a call and runs nothing.
  made_call send(const std::string& method, std::string_view bytes, const call_options& o = {}) {
    made_call made{.slot = std::make_shared<std::optional<result<std::string>>>()};
    std::optional<time_point> deadline;
    if (o.timeout)
      deadline = time.now() + *o.timeout;
    made.handle = front().serve(path_of(method), bytes, o.headers, deadline,
                                [slot = made.slot, n = made.answers](result<std::string> r) {
                                  ++*n;
                                  *slot = std::move(r);
                                });
    return made;
  }

  /// Makes a call and lets happen what can happen without time passing.
  made_call call(const std::string& method, std::string_view bytes, const call_options& o = {}) {
    auto made = send(method, bytes, o);
    run();
    return made;
  }

  /// The store itself, which never fails.
  store::store& below() {
    return *below_;
  }

private:
  store::fault ask(store::operation what) {
    if (what != store::operation::read)
      ++writes;
    return decide_fault ? decide_fault(what) : store::fault{};
  }

  testing_config config_;
  virtual_server_options options_;
  std::shared_ptr<store::store> below_;

public:
  caf::actor_system system{config_};
  caf::scheduler::test_coordinator& scheduler
    = dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  coordinator_clock time{scheduler};
  metrics registry;
  /// Set by tests; empty: nothing fails.
  std::function<store::fault(store::operation)> decide_fault;
  /// Set by tests: told when the node begins and ceases to serve.
  std::function<void(bool)> on_serving;
  /// Commits and other writes that were tried.
  int writes = 0;
  store::faulty_store db;
  /// Whether the first namespace could be written.
  result<void> prepared{};

private:
  std::unique_ptr<cli::local_server> server_;
};

} // namespace reprise::testing
