// The estimate of an execution's memory against what the allocator gave out for it. What counts is
// what passivation gives back, so the store and all that stays do not.
#include "tests/support/actor_fixture.hpp"

#include <malloc.h>

#include <cstdlib>

using namespace reprise;
using namespace reprise::testing;

namespace {

struct memory_fixture : actor_fixture {
  // Without snapshots: they are written by what gives memory back, into a store in memory.
  memory_fixture() : actor_fixture({.capacity = {.run = {.rows_per_snapshot = 1 << 20}}}) {
  }

  static std::size_t allocated() {
    auto all = mallinfo2();
    return all.uordblks + all.hblkhd;
  }

  /// Executions leave memory, all of them.
  void passivate_all() {
    for (auto left = node->shared().watch.resident.value(); left > 0;) {
      for (const auto& slot : node->shared().slots)
        caf::anon_send(slot.get(), trim_atom_v);
      run();
      auto still = node->shared().watch.resident.value();
      REQUIRE(still < left);
      left = still;
    }
  }

  /// What was estimated of what the executions in memory take, which they give back.
  double estimate_per_byte() {
    seen = {};
    auto estimated = node->shared().resident_bytes.load();
    auto before = allocated();
    passivate_all();
    auto given_back = static_cast<double>(before) - static_cast<double>(allocated());
    MESSAGE(estimated << " bytes were estimated, " << given_back << " given back");
    return static_cast<double>(estimated) / given_back;
  }

  void check() {
    auto ratio = estimate_per_byte();
    CHECK(ratio > 0.7);
    CHECK(ratio < 1.5);
  }

  cluster::ExecutionRequest large_start(const std::string& id, std::size_t bytes) const {
    auto r = start_request(id);
    auto& input = *r.mutable_start()->mutable_input()->add_payloads();
    (*input.mutable_metadata())["encoding"] = "json/plain";
    input.set_data(std::string(bytes, 'x'));
    return r;
  }
};

std::string name(int i) {
  return "workflow-" + std::to_string(i);
}

/// Sanitizers bring an allocator that keeps no such count.
bool allocations_are_counted() {
  constexpr std::size_t bytes = 1 << 20;
  auto before = memory_fixture::allocated();
  // Volatile: a compiler leaves out what nobody looks at.
  void* volatile some = std::malloc(bytes);
  auto is_counted = memory_fixture::allocated() >= before + bytes;
  std::free(some);
  return is_counted;
}

} // namespace

#define NEEDS_COUNTS                                                                               \
  if (!allocations_are_counted()) {                                                                \
    MESSAGE("SKIPPED: this allocator counts nothing");                                             \
    return;                                                                                        \
  }

TEST_CASE_FIXTURE(memory_fixture, "memory is estimated well: workflows that were just started") {
  NEEDS_COUNTS
  for (int i = 0; i < 500; ++i)
    start(name(i));
  check();
}

TEST_CASE_FIXTURE(memory_fixture, "memory is estimated well: workflows that wait for a timer") {
  NEEDS_COUNTS
  for (int i = 0; i < 500; ++i) {
    start(name(i));
    ask_raw(complete_request(take_workflow_task(), {timer_command("t", 3600)}));
  }
  check();
}

TEST_CASE_FIXTURE(memory_fixture, "memory is estimated well: many small signals") {
  NEEDS_COUNTS
  for (int i = 0; i < 100; ++i) {
    start(name(i));
    for (int s = 0; s < 200; ++s)
      ask_raw(signal_request(name(i), "signal-" + std::to_string(s)));
  }
  check();
}

TEST_CASE_FIXTURE(memory_fixture, "memory is estimated well: large payloads") {
  NEEDS_COUNTS
  for (int i = 0; i < 50; ++i)
    ask_raw(large_start(name(i), 100'000));
  check();
}

TEST_CASE_FIXTURE(memory_fixture, "memory is estimated well: payloads of a few kilobytes") {
  NEEDS_COUNTS
  for (int i = 0; i < 200; ++i)
    ask_raw(large_start(name(i), 4000));
  check();
}

TEST_CASE_FIXTURE(memory_fixture, "memory is estimated well: many activities") {
  NEEDS_COUNTS
  for (int i = 0; i < 50; ++i) {
    start(name(i));
    std::vector<api::command::v1::Command> commands;
    for (int a = 0; a < 100; ++a)
      commands.push_back(activity_command("activity-" + std::to_string(a)));
    auto task = take_workflow_task();
    ask_raw(complete_request(task, commands));
    seen.offers.clear();
  }
  check();
}

TEST_CASE_FIXTURE(memory_fixture, "memory is estimated well: runs that followed each other") {
  NEEDS_COUNTS
  api::command::v1::Command again;
  again.set_command_type(enums::COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION);
  again.mutable_continue_as_new_workflow_execution_command_attributes();
  for (int i = 0; i < 100; ++i) {
    start(name(i));
    for (int n = 0; n < 20; ++n) {
      ask_raw(complete_request(take_workflow_task(), {again}));
      advance(1s);
    }
    seen.offers.clear();
  }
  check();
}

TEST_CASE_FIXTURE(memory_fixture, "memory is estimated well: closed workflows") {
  NEEDS_COUNTS
  for (int i = 0; i < 500; ++i) {
    start(name(i));
    ask_raw(complete_request(take_workflow_task(), {complete_command()}));
  }
  check();
}

TEST_CASE_FIXTURE(memory_fixture, "an older run counts from when a caller names it") {
  constexpr std::size_t bytes = 1'000'000;
  auto old_run = ask<service::StartWorkflowExecutionResponse>(large_start("w", bytes)).run_id();
  ask_raw(complete_request(take_workflow_task(), {complete_command()}));
  auto second = start_request("w");
  second.mutable_start()->set_request_id("second");
  CHECK(ask<service::StartWorkflowExecutionResponse>(second).run_id() != old_run);
  passivate_all();
  auto describe = request("w");
  describe.mutable_describe();
  ask_raw(describe);
  auto without = node->shared().resident_bytes.load();
  describe.set_run_id(old_run);
  CHECK(ask<service::DescribeWorkflowExecutionResponse>(describe)
          .workflow_execution_info()
          .execution()
          .run_id()
        == old_run);
  CHECK(node->shared().resident_bytes.load() - without > static_cast<std::int64_t>(bytes));
}
