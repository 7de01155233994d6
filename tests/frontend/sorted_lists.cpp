// Lists in an order that their query asks for, and counts by any attribute, as callers see them.
#include "tests/support/server_fixture.hpp"

#include <map>

using namespace reprise;
using namespace reprise::testing;

namespace {

struct sorting_server : server_fixture {
  static virtual_server_options with_attributes() {
    virtual_server_options out;
    out.first.search_attributes = {{"Age", enums::INDEXED_VALUE_TYPE_INT},
                                   {"City", enums::INDEXED_VALUE_TYPE_KEYWORD},
                                   {"Due", enums::INDEXED_VALUE_TYPE_DATETIME},
                                   {"Paid", enums::INDEXED_VALUE_TYPE_BOOL},
                                   {"Tags", enums::INDEXED_VALUE_TYPE_KEYWORD_LIST},
                                   {"Weight", enums::INDEXED_VALUE_TYPE_DOUBLE}};
    return out;
  }

  sorting_server() : server_fixture(with_attributes()) {
  }

  void start(const std::string& id, const std::map<std::string, std::string>& attributes) {
    auto r = start_request(id);
    for (const auto& [name, json] : attributes) {
      auto& value = (*r.mutable_search_attributes()->mutable_indexed_fields())[name];
      (*value.mutable_metadata())["encoding"] = "json/plain";
      value.set_data(json);
    }
    ok<ws::StartWorkflowExecutionResponse>(r);
  }

  ws::ListWorkflowExecutionsResponse page(const std::string& query, int size,
                                          const std::string& token = {}) {
    auto r = list_request(query);
    r.set_page_size(size);
    r.set_next_page_token(token);
    return ok<ws::ListWorkflowExecutionsResponse>(r);
  }

  std::string listed(const std::string& query, int size) {
    std::string out;
    std::string token;
    do {
      auto answer = page(query, size, token);
      for (const auto& row : answer.executions())
        out += row.execution().workflow_id();
      token = answer.next_page_token();
    } while (!token.empty());
    return out;
  }

  /// "value=count" of each group, in order; with the payload's type where it is not the
  /// attribute's.
  std::string groups(const std::string& query, const std::string& type) {
    ws::CountWorkflowExecutionsRequest r;
    r.set_namespace_("default");
    r.set_query(query);
    auto answer = ok<ws::CountWorkflowExecutionsResponse>(r);
    std::string out;
    std::int64_t sum = 0;
    for (const auto& group : answer.groups()) {
      REQUIRE(group.group_values_size() == 1);
      const auto& value = group.group_values(0);
      CHECK(value.metadata().at("type") == type);
      CHECK(value.metadata().at("encoding")
            == (value.data().empty() ? "binary/null" : "json/plain"));
      out += (out.empty() ? "" : " ") + value.data() + "=" + std::to_string(group.count());
      sum += group.count();
    }
    CHECK(answer.count() == sum);
    return out;
  }
};

} // namespace

TEST_CASE_FIXTURE(sorting_server, "a list has the order that its query asks for, page by page") {
  start("a", {{"Age", "5"}, {"City", "\"Rome\""}});
  start("b", {{"Age", "-1"}, {"City", "\"Oslo\""}});
  start("c", {{"City", "\"Bern\""}});
  start("d", {{"Age", "5"}, {"City", "\"Ulm\""}});
  for (int size : {1, 2, 3, 10}) {
    CHECK(listed("ORDER BY Age", size) == "bdac");
    CHECK(listed("ORDER BY Age DESC", size) == "dabc");
    CHECK(listed("ORDER BY Age, City", size) == "badc");
    CHECK(listed("ORDER BY City DESC", size) == "dabc");
    CHECK(listed("City != 'Ulm' ORDER BY City", size) == "cba");
    CHECK(listed("ORDER BY WorkflowId", size) == "abcd");
  }
}

TEST_CASE_FIXTURE(sorting_server, "pages in an order go on while rows come, change and go") {
  for (const char* id : {"b", "d", "f", "h"})
    start(id, {{"City", std::string{"\""} + id + "\""}});
  auto first = page("ORDER BY City", 2);
  REQUIRE(first.executions_size() == 2);
  start("a", {{"City", "\"a\""}});
  start("e", {{"City", "\"e\""}});
  ws::TerminateWorkflowExecutionRequest terminate;
  terminate.set_namespace_("default");
  terminate.mutable_workflow_execution()->set_workflow_id("f");
  ok<ws::TerminateWorkflowExecutionResponse>(terminate);
  auto second = page("ORDER BY City", 10, first.next_page_token());
  std::string seen;
  for (const auto& row : second.executions())
    seen += row.execution().workflow_id();
  CHECK(seen == "efh");
}

TEST_CASE_FIXTURE(sorting_server, "a page token belongs to its query and order") {
  start("a", {{"Age", "5"}});
  start("b", {{"Age", "6"}});
  auto token = page("ORDER BY Age", 1).next_page_token();
  REQUIRE(!token.empty());
  auto asked = [&](const std::string& query) {
    auto r = list_request(query);
    r.set_next_page_token(token);
    return r;
  };
  refused(errc::invalid_argument, "Invalid NextPageToken.", asked("ORDER BY Age DESC"));
  refused(errc::invalid_argument, "Invalid NextPageToken.", asked("Age > 1 ORDER BY Age"));
  refused(errc::invalid_argument,
          "Invalid page token for given sort fields: expected 3 fields, got 2", asked(""));
  refused(errc::invalid_argument,
          "Invalid page token for given sort fields: expected 3 fields, got 2",
          asked("ORDER BY Age, City"));
  token = page("", 1).next_page_token();
  refused(errc::invalid_argument,
          "Invalid page token for given sort fields: expected 2 fields, got 3",
          asked("ORDER BY Age"));
  token = "garbage";
  refused(errc::invalid_argument, "Invalid NextPageToken.", asked("ORDER BY Age"));
}

TEST_CASE_FIXTURE(sorting_server, "only lists have an order to choose") {
  const std::string no_order = "invalid query: operation is not supported: 'ORDER BY' clause";
  ws::ScanWorkflowExecutionsRequest scan;
  scan.set_namespace_("default");
  scan.set_query("ORDER BY StartTime");
  refused(errc::invalid_argument, no_order, scan);
  ws::CountWorkflowExecutionsRequest count;
  count.set_namespace_("default");
  count.set_query("GROUP BY ExecutionStatus ORDER BY ExecutionStatus");
  refused(errc::invalid_argument, no_order, count);
}

TEST_CASE_FIXTURE(sorting_server, "counts are grouped by any attribute, in its type") {
  start("a", {{"Age", "5"}, {"City", "\"Rome\""}, {"Paid", "true"}, {"Tags", "[\"x\",\"y\"]"}});
  start("b", {{"Age", "-1"}, {"City", "\"a<b\""}, {"Weight", "2.5"}, {"Tags", "[\"y\"]"}});
  start("c", {{"Age", "5"}, {"Due", "\"2024-01-01T00:00:00Z\""}});
  CHECK(groups("GROUP BY Age", "Int") == "-1=1 5=2");
  CHECK(groups("GROUP BY City", "Keyword") == "=1 \"Rome\"=1 \"a\\u003cb\"=1");
  CHECK(groups("GROUP BY Paid", "Bool") == "=2 true=1");
  CHECK(groups("GROUP BY Weight", "Double") == "=2 2.5=1");
  CHECK(groups("GROUP BY Due", "Datetime") == "=2 \"2024-01-01T00:00:00Z\"=1");
  CHECK(groups("GROUP BY Tags", "KeywordList") == "=1 \"x\"=1 \"y\"=2");
  CHECK(groups("GROUP BY WorkflowType", "Keyword") == "\"type\"=3");
  CHECK(groups("GROUP BY ExecutionStatus", "Keyword") == "\"Running\"=3");
  CHECK(groups("Age = 5 GROUP BY WorkflowId", "Keyword") == "\"a\"=1 \"c\"=1");
  CHECK(groups("TemporalNamespaceDivision IS NULL GROUP BY TemporalNamespaceDivision", "Keyword")
        == "\"\"=3");
  CHECK(groups("WorkflowType = 'none' GROUP BY City", "Keyword") == "");
}
