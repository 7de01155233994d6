#include "tests/support/server_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;

namespace {

struct weighed : server_fixture {
  static virtual_server_options options() {
    virtual_server_options out;
    out.first.search_attributes = {{"Weight", enums::INDEXED_VALUE_TYPE_DOUBLE}};
    return out;
  }

  weighed() : server_fixture(options()) {
  }

  static ws::StartWorkflowExecutionRequest start_with(const std::string& json) {
    auto r = start_request("w");
    auto& value = (*r.mutable_search_attributes()->mutable_indexed_fields())["Weight"];
    (*value.mutable_metadata())["encoding"] = "json/plain";
    value.set_data(json);
    return r;
  }
};

} // namespace

TEST_CASE_FIXTURE(weighed, "a value that lists could not find is refused") {
  // A vertical tab is a blank to some readers of JSON, not to JSON.
  refused(errc::invalid_argument,
          "invalid value for search attribute Weight of type Double: value from "
          "<metadata:{key:\"encoding\"  value:\"json/plain\"}  data:\"\\x0b\\n1\">",
          start_with("\x0b\n1"));
  ok<ws::StartWorkflowExecutionResponse>(start_with(" \n1"));
}

TEST_CASE_FIXTURE(weighed, "a payload that does not say what it is means nothing") {
  auto r = start_with("5");
  auto& value = (*r.mutable_search_attributes()->mutable_indexed_fields())["Weight"];
  value.clear_metadata();
  refused(errc::invalid_argument,
          "invalid value for search attribute Weight of type Double: value from <data:\"5\">", r);
  value.set_data("\"a\"");
  refused(errc::invalid_argument,
          "invalid value for search attribute Weight of type Double: value from "
          "<data:\"\\\"a\\\"\">",
          r);
  value.clear_data();
  refused(errc::invalid_argument,
          "invalid value for search attribute Weight of type Double: value from <>", r);
}

TEST_CASE_FIXTURE(weighed, "bytes that are not JSON are shown as such, also those of a null") {
  auto r = start_with("null");
  auto& value = (*r.mutable_search_attributes()->mutable_indexed_fields())["Weight"];
  (*value.mutable_metadata())["encoding"] = "binary/plain";
  refused(errc::invalid_argument,
          "invalid value for search attribute Weight of type Double: [110 117 108 108]", r);
  (*value.mutable_metadata())["encoding"] = "binary/null";
  ok<ws::StartWorkflowExecutionResponse>(r);
}
