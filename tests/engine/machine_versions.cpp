// What a run remembers stands in its journal, and runs of former engines are folded by these's
// rules.

#include "engine/machine/version.hpp"
#include "protocol/parse_stored.hpp"
#include "tests/support/engine_fixture.hpp"

#include <limits>

namespace reprise::testing {

namespace {

class version_fixture : public engine_fixture {
public:
  void complete_with(const std::string& build) {
    signal("next");
    auto request = completion(poll(), {});
    auto& r = *request.mutable_complete_workflow_task();
    r.set_binary_checksum(build);
    r.mutable_worker_version_stamp()->set_build_id(build);
    REQUIRE_FALSE(apply(request).answer.failure);
  }

  void attach(const std::string& request_id) {
    auto r = start_request();
    r.set_request_id(request_id);
    r.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING);
    r.mutable_on_conflict_options()->set_attach_request_id(true);
    REQUIRE_FALSE(start(r).answer.failure);
    advance(1s);
  }

  void fail_task() {
    fail(poll());
    advance(60s);
  }

  std::string attribute(const engine::execution& x, const std::string& name) {
    auto i = x.search_attributes().find(name);
    return i == x.search_attributes().end() ? "" : i->second.data();
  }

  /// The journal, folded as that of a run that an engine without a number began.
  engine::execution folded_as_former() {
    engine::execution out;
    for (auto row : current().journal) {
      journal::Facts facts;
      REQUIRE(protocol::parse_stored(facts, row.facts));
      for (auto& fact : *facts.mutable_facts())
        if (fact.has_created()) {
          fact.mutable_created()->clear_engine_version();
          fact.mutable_created()->clear_keeps();
        }
      row.facts = facts.SerializeAsString();
      REQUIRE(engine::evolve(out, row));
    }
    return out;
  }
};

} // namespace

SCENARIO("a run says which engine began it") {
  version_fixture f;
  f.start();
  CHECK(f.state().created().engine_version() == engine::engine_version);
  f.complete(f.poll(), {f.continue_as_new()});
  CHECK(f.state().created().engine_version() == engine::engine_version);
}

SCENARIO("how many reset points a run has was decided when it began") {
  version_fixture f;
  f.bounds.reset_points_max = 2;
  f.start();
  f.bounds.reset_points_max = 20;
  for (const char* build : {"a", "b", "c"})
    f.complete_with(build);
  REQUIRE(f.state().reset_points_size() == 2);
  CHECK(f.state().reset_points(0).build_id() == "b");
  CHECK(f.folded_as_former().reset_points_size() == 3);
}

SCENARIO("how many builds a run lists was decided when it began") {
  version_fixture f;
  f.bounds.builds_bytes_max = 40;
  f.start();
  for (const char* build : {"first", "second", "third"})
    f.complete_with(build);
  auto listed = f.attribute(f.state(), "BuildIds");
  CHECK(listed.find("third") != std::string::npos);
  CHECK(listed.find("first") == std::string::npos);
  CHECK(f.attribute(f.folded_as_former(), "BuildIds").find("first") != std::string::npos);
}

SCENARIO("how many attached request ids a run remembers was decided when it began") {
  version_fixture f;
  f.bounds.attached_requests_max = 2;
  f.start();
  for (const char* id : {"a", "b", "c"})
    f.attach(id);
  CHECK_FALSE(f.state().request_ids().contains("a"));
  CHECK(f.state().request_ids().contains("c"));
  CHECK(f.folded_as_former().request_ids().contains("a"));
}

SCENARIO("a decision says from which problem on they are reported") {
  version_fixture f;
  f.bounds.workflow_task_problems_reported = 2;
  f.start();
  f.fail_task();
  CHECK(f.attribute(f.state(), "TemporalReportedProblems").empty());
  f.fail_task();
  CHECK_FALSE(f.attribute(f.state(), "TemporalReportedProblems").empty());
  CHECK(f.attribute(f.folded_as_former(), "TemporalReportedProblems").empty());
  for (int i = 0; i < 3; ++i)
    f.fail_task();
  CHECK_FALSE(f.attribute(f.folded_as_former(), "TemporalReportedProblems").empty());
  f.complete(f.poll());
  CHECK(f.attribute(f.state(), "TemporalReportedProblems").empty());
}

SCENARIO("problems that are to be reported from none on are never reported") {
  version_fixture f;
  f.bounds.workflow_task_problems_reported = 0;
  f.start();
  for (int i = 0; i < 6; ++i)
    f.fail_task();
  CHECK(f.attribute(f.state(), "TemporalReportedProblems").empty());
}

SCENARIO("a journal that says it remembers nothing, or less, is folded all the same") {
  for (int most : {0, -1, std::numeric_limits<int>::min()}) {
    engine::execution x;
    journal::Fact fact;
    fact.mutable_created()->set_engine_version(1);
    fact.mutable_created()->mutable_keeps()->set_attached_requests(most);
    fact.mutable_created()->mutable_keeps()->set_reset_points(most);
    engine::evolve(x, fact);
    fact.mutable_request_id()->set_id("a");
    engine::evolve(x, fact);
    fact.mutable_request_id()->set_id("b");
    engine::evolve(x, fact);
    CHECK(x.request_ids().size() == 1);
    CHECK(engine::kept_lists(x).reset_points() == 1);
  }
}

} // namespace reprise::testing
