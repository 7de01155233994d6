#include "tests/support/activity_fixture.hpp"

namespace reprise::testing {

namespace {

api::common::v1::Payload json(const std::string& text) {
  return payloads(text).payloads(0);
}

api::common::v1::Payload null() {
  api::common::v1::Payload out;
  (*out.mutable_metadata())["encoding"] = "binary/null";
  return out;
}

using fields = std::map<std::string, api::common::v1::Payload>;

command upsert(const fields& values) {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES);
  auto& to = *c.mutable_upsert_workflow_search_attributes_command_attributes()
                ->mutable_search_attributes()
                ->mutable_indexed_fields();
  to.insert(values.begin(), values.end());
  return c;
}

command memo(const fields& values) {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES);
  auto& to = *c.mutable_modify_workflow_properties_command_attributes()
                ->mutable_upserted_memo()
                ->mutable_fields();
  to.insert(values.begin(), values.end());
  return c;
}

command marker(const std::string& name, const std::string& details) {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_RECORD_MARKER);
  auto& a = *c.mutable_record_marker_command_attributes();
  a.set_marker_name(name);
  (*a.mutable_details())["data"] = payloads(details);
  c.mutable_user_metadata()->mutable_summary()->set_data("summary");
  return c;
}

} // namespace

SCENARIO("search attributes are merged, and learn their types") {
  activity_fixture f;
  auto done = f.run_with({upsert({{"CustomInt", json("7")}, {"CustomKeyword", json("\"k\"")}})});
  CHECK(done.visibility_changed);
  auto& attributes = f.state().search_attributes();
  CHECK(attributes.at("CustomInt").metadata().at("type") == "Int");
  f.wake_with({upsert({{"CustomInt", null()}, {"CustomKeyword", json("\"l\"")}})});
  CHECK_FALSE(attributes.contains("CustomInt"));
  CHECK(attributes.at("CustomKeyword").data() == "\"l\"");
}

SCENARIO("bad search attributes fail the task, too large ones end the run") {
  activity_fixture f;
  f.start();
  auto task = f.poll();
  auto refused = [&](const fields& values) {
    return f.text_of(f.complete(task, {upsert(values)}));
  };
  SUBCASE("unknown") {
    CHECK(refused({{"Nothing", null()}})
          == "BadSearchAttributes: Namespace default has no mapping defined for search attribute "
             "Nothing");
    CHECK(engine::is_open(f.state()));
  }
  SUBCASE("of another type") {
    CHECK(
      refused({{"CustomInt", json("\"seven\"")}})
      == "BadSearchAttributes: invalid value for search attribute CustomInt of type Int: seven");
  }
  SUBCASE("too large") {
    CHECK(refused({{"CustomKeyword", json("\"" + std::string(2047, 'k') + "\"")}})
          == "BadSearchAttributes: search attribute CustomKeyword value size 2049 exceeds size "
             "limit 2048");
    CHECK(f.state().status() == enums::WORKFLOW_EXECUTION_STATUS_TERMINATED);
  }
}

SCENARIO("what the server itself lists of a run does not count for what a workflow adds") {
  activity_fixture f;
  f.bounds.search_attribute_bytes_max = 100;
  f.start();
  auto r = f.completion(f.poll(), {});
  r.mutable_complete_workflow_task()->set_binary_checksum(std::string(200, 'c'));
  f.apply(r);
  f.signal("s");
  f.complete(f.poll(), {upsert({{"CustomInt", json("7")}})});
  CHECK(f.state().search_attributes().at("BinaryChecksums").data().size() > 200);
  CHECK(f.state().search_attributes().at("CustomInt").data() == "7");
  CHECK(engine::is_open(f.state()));
}

SCENARIO("memo changes are merged") {
  activity_fixture f;
  f.run_with({memo({{"a", json("1")}, {"b", json("2")}})});
  f.wake_with({memo({{"a", null()}, {"b", json("3")}, {"zz", null()}})});
  CHECK(f.state().memo().size() == 1);
  CHECK(f.state().memo().at("b").data() == "3");
  f.signal("s");
  auto task = f.poll();
  CHECK(f.text_of(f.complete(task, {memo({})}))
        == "BadModifyWorkflowPropertiesAttributes: UpsertedMemo.Fields is not set on "
           "ModifyWorkflowPropertiesCommand.");
}

SCENARIO("a marker is kept as it came") {
  activity_fixture f;
  f.bounds.blob_bytes_max = 100;
  f.run_with({marker("side-effect", "1")});
  const auto event = f.last_event(enums::EVENT_TYPE_MARKER_RECORDED);
  CHECK(event.marker_recorded_event_attributes().details().at("data").payloads_size() == 1);
  CHECK(event.user_metadata().summary().data() == "summary");
  f.signal("s");
  auto task = f.poll();
  SUBCASE("it needs a name") {
    CHECK(f.text_of(f.complete(task, {marker("", "1")}))
          == "BadRecordMarkerAttributes: MarkerName is not set on RecordMarkerCommand.");
    CHECK(engine::is_open(f.state()));
  }
  SUBCASE("too large, it ends the run") {
    CHECK(
      f.text_of(f.complete(task, {marker("m", std::string(200, '1'))}))
      == "BadRecordMarkerAttributes: RecordMarkerCommandAttributes.Details exceeds size limit.");
    CHECK(f.state().status() == enums::WORKFLOW_EXECUTION_STATUS_TERMINATED);
  }
}

} // namespace reprise::testing
