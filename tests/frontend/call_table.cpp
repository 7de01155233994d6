#include "frontend/backend/call_table.hpp"

#include <doctest/doctest.h>

using namespace reprise;
using namespace reprise::frontend;

namespace {

struct table_fixture {
  std::uint64_t add(std::size_t bytes, bool always = false) {
    waiting_call c{.bytes = bytes};
    return table.add(c, always, [](std::uint64_t, waiting_call&) {});
  }

  std::uint64_t refused(const char* bound) {
    return registry.counter("reprise_bound_refused_total", "", {{"bound", bound}}).value();
  }

  std::int64_t used(const char* bound) {
    return registry.gauge("reprise_bound_used", "", {{"bound", bound}}).value();
  }

  actors::node_bounds bounds{.calls_max = 3, .call_bytes_max = 100};
  metrics registry{};
  actors::hooks watch{registry};
  call_table table{bounds, watch};
};

} // namespace

TEST_CASE_FIXTURE(table_fixture, "calls without an answer are bounded in number") {
  auto first = add(0);
  CHECK(add(0) != 0);
  CHECK(add(0) != 0);
  CHECK(add(0) == 0);
  CHECK(refused("node_calls") == 1);
  CHECK(used("node_calls") == 3);
  CHECK(add(0, true) != 0);
  CHECK(table.take(first));
  CHECK(used("node_calls") == 3);
  CHECK_FALSE(table.take(first));
}

TEST_CASE_FIXTURE(table_fixture,
                  "their requests are bounded in bytes, and given back when answered") {
  auto first = add(60);
  CHECK(add(60) == 0);
  CHECK(refused("node_call_bytes") == 1);
  CHECK(add(40) != 0);
  CHECK(add(0) != 0);
  CHECK(used("node_call_bytes") == 100);
  CHECK(table.take(first));
  CHECK(used("node_call_bytes") == 40);
  CHECK(add(60) != 0);
  table.take_if([](const waiting_call&) { return true; });
  CHECK(used("node_call_bytes") == 0);
  CHECK(used("node_calls") == 0);
}

TEST_CASE_FIXTURE(table_fixture, "a request larger than the bound has its turn when it is alone") {
  auto large = add(1000);
  CHECK(large != 0);
  CHECK(add(1) == 0);
  CHECK(table.take(large));
  CHECK(add(1) != 0);
  CHECK(add(1000) == 0);
}

TEST_CASE_FIXTURE(table_fixture, "a call that cannot be sent takes no place") {
  waiting_call c{.bytes = 50};
  CHECK_THROWS(table.add(c, false, [](std::uint64_t, waiting_call&) { throw std::bad_alloc{}; }));
  CHECK(used("node_calls") == 0);
  CHECK(used("node_call_bytes") == 0);
}
