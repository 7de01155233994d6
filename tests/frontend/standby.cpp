// What a server answers that does not serve: it starts, or another one holds the lease.
#include "tests/support/server_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;

namespace {

struct standby : server_fixture {
  standby() {
    decide_fault = [](store::operation what) {
      return store::fault{.what = what == store::operation::write ? store::fault::kind::before
                                                                  : store::fault::kind::none};
    };
    restart();
  }

  template <class Request>
  errc code(const Request& r) {
    return refusal(r).code;
  }

  static ws::DescribeNamespaceRequest describe_request() {
    ws::DescribeNamespaceRequest r;
    r.set_namespace_("default");
    return r;
  }
};

} // namespace

TEST_CASE_FIXTURE(standby, "a standby does not claim that a namespace is absent") {
  CHECK(code(describe_request()) == errc::unavailable);
  CHECK(code(start_request("w")) == errc::unavailable);
  CHECK(code(list_request()) == errc::unavailable);
  CHECK(code(ws::ListNamespacesRequest{}) == errc::unavailable);
}

TEST_CASE_FIXTURE(standby, "a standby changes no namespace, since the owner would not see it") {
  ws::RegisterNamespaceRequest made;
  made.set_namespace_("another");
  made.mutable_workflow_execution_retention_period()->set_seconds(86'400);
  CHECK(code(made) == errc::unavailable);
  ws::UpdateNamespaceRequest changed;
  changed.set_namespace_("default");
  CHECK(code(changed) == errc::unavailable);
  op::AddSearchAttributesRequest added;
  added.set_namespace_("default");
  (*added.mutable_search_attributes())["Color"] = enums::INDEXED_VALUE_TYPE_KEYWORD;
  CHECK(code(added) == errc::unavailable);
}

TEST_CASE_FIXTURE(standby, "a standby that takes over knows the namespaces") {
  decide_fault = nullptr;
  advance(2s);
  CHECK(ok<ws::DescribeNamespaceResponse>(describe_request()).namespace_info().name() == "default");
  CHECK(code(start_request("")) == errc::invalid_argument);
}

TEST_CASE("a take-over that waits in the database begins with a lease of full length") {
  server_fixture server{{.node = {.lease_length = 10s}}};
  // As if the process slept past its lease, and taking the slots then took nearly another one.
  int writes = 0;
  server.decide_fault = [&](store::operation what) {
    constexpr int taking_slots = 2;
    if (what == store::operation::write && ++writes == taking_slots)
      server.time.offset += 9500ms;
    return store::fault{};
  };
  server.time.offset += 20s;
  server.advance(4s);
  CHECK(writes >= 2);
  server.start_workflow("w");
  CHECK(server.history("w") == std::vector<int>{1, 5});
}
