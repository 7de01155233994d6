#include "protocol/search_attributes.hpp"

#include "protocol/json_value.hpp"
#include "temporal/api/enums/v1/common.pb.h"

#include <doctest/doctest.h>

namespace reprise::protocol {

namespace {

namespace enums = temporal::api::enums::v1;

temporal::api::common::v1::Payload json(const std::string& text) {
  temporal::api::common::v1::Payload out;
  (*out.mutable_metadata())["encoding"] = "json/plain";
  out.set_data(text);
  return out;
}

std::string refusal(const std::string& text, int type) {
  REQUIRE_FALSE(decode_search_attribute(json(text), type));
  auto message = search_attribute_refusal("A", json(text), type);
  constexpr std::string_view prefix = "invalid value for search attribute A of type ";
  REQUIRE(message.starts_with(prefix));
  return message.substr(prefix.size());
}

search_attribute_value accepted(const std::string& text, int type) {
  auto value = decode_search_attribute(json(text), type);
  REQUIRE(value);
  REQUIRE(value->has_value());
  return **value;
}

} // namespace

TEST_CASE("values are read by the type that the namespace knows") {
  CHECK(accepted("\"k\\u00e4\"", enums::INDEXED_VALUE_TYPE_KEYWORD).texts[0] == "k\xC3\xA4");
  CHECK(accepted("9007199254740993", enums::INDEXED_VALUE_TYPE_INT).integer == 9007199254740993);
  CHECK(accepted("3", enums::INDEXED_VALUE_TYPE_DOUBLE).real == 3);
  CHECK(accepted("true", enums::INDEXED_VALUE_TYPE_BOOL).integer == 1);
  CHECK(accepted("[\"a\",\"b\"]", enums::INDEXED_VALUE_TYPE_KEYWORD_LIST).texts.size() == 2);
  CHECK(accepted("[5]", enums::INDEXED_VALUE_TYPE_INT).integer == 5);
}

TEST_CASE("times are read with fraction and offset, and clamped to what 64 bits hold") {
  auto ns = [](const char* text) {
    return accepted(text, enums::INDEXED_VALUE_TYPE_DATETIME).integer;
  };
  CHECK(ns("\"1970-01-01T00:00:01Z\"") == 1'000'000'000);
  CHECK(ns("\"2024-02-03T04:05:06.5+01:00\"") == 1'706'929'506'500'000'000);
  CHECK(ns("\"9999-12-31T23:59:59Z\"") > ns("\"2200-01-01T00:00:00Z\""));
  CHECK(ns("\"0001-01-01T00:00:00Z\"") < ns("\"1700-01-01T00:00:00Z\""));
  for (const char* bad : {"\"2024-02-30T00:00:00Z\"", "\"2024-02-03\"", "\"2024-02-03T04:05:06\"",
                          "\"2024-02-03T24:05:06Z\"", "\"\"", "5"})
    CHECK_FALSE(decode_search_attribute(json(bad), enums::INDEXED_VALUE_TYPE_DATETIME));
}

TEST_CASE("values are shown in one spelling, whatever the caller's") {
  auto shown = [](const char* text, int type) {
    return search_attribute_json(accepted(text, type), type);
  };
  CHECK(shown("[ \"a\",\n\"b\" ]", enums::INDEXED_VALUE_TYPE_KEYWORD_LIST) == "[\"a\",\"b\"]");
  CHECK(shown("[\"k\"]", enums::INDEXED_VALUE_TYPE_KEYWORD) == "\"k\"");
  CHECK(shown("\"\\u00e4\\n\\\"<\\u0001\"", enums::INDEXED_VALUE_TYPE_TEXT)
        == "\"\xC3\xA4\\n\\\"\\u003c\\u0001\"");
  CHECK(shown(" 7 ", enums::INDEXED_VALUE_TYPE_INT) == "7");
  CHECK(shown("2.50", enums::INDEXED_VALUE_TYPE_DOUBLE) == "2.5");
  CHECK(shown("-3e2", enums::INDEXED_VALUE_TYPE_DOUBLE) == "-300");
  CHECK(shown("1e300", enums::INDEXED_VALUE_TYPE_DOUBLE) == "1e+300");
  CHECK(shown("[false]", enums::INDEXED_VALUE_TYPE_BOOL) == "false");
  CHECK(shown("\"2024-02-03T04:05:06.500+01:00\"", enums::INDEXED_VALUE_TYPE_DATETIME)
        == "\"2024-02-03T04:05:06.5+01:00\"");
  CHECK(shown("\"1969-12-31T23:59:59Z\"", enums::INDEXED_VALUE_TYPE_DATETIME)
        == "\"1969-12-31T23:59:59Z\"");
}

TEST_CASE("a value of another type is refused and shown as the API shows it") {
  CHECK(refusal("\"five\"", enums::INDEXED_VALUE_TYPE_INT) == "Int: five");
  CHECK(refusal("1.5", enums::INDEXED_VALUE_TYPE_INT) == "Int: 1.5");
  CHECK(refusal("7", enums::INDEXED_VALUE_TYPE_KEYWORD) == "Keyword: 7");
  CHECK(refusal("\"true\"", enums::INDEXED_VALUE_TYPE_BOOL) == "Bool: true");
  CHECK(refusal("[\"a\", \"b\"]", enums::INDEXED_VALUE_TYPE_KEYWORD) == "Keyword: [a b]");
  CHECK(refusal("[1, 2]", enums::INDEXED_VALUE_TYPE_KEYWORD_LIST) == "KeywordList: [1 2]");
  CHECK(refusal("\"a\"", enums::INDEXED_VALUE_TYPE_KEYWORD_LIST) == "KeywordList: a");
  CHECK(refusal("{\"b\":1,\"a\":null}", enums::INDEXED_VALUE_TYPE_INT) == "Int: map[a:<nil> b:1]");
  CHECK(refusal("1e30", enums::INDEXED_VALUE_TYPE_INT) == "Int: 1e+30");
  CHECK(refusal("{broken", enums::INDEXED_VALUE_TYPE_TEXT).starts_with("Text: value from <"));
}

TEST_CASE("null and the empty list mean that there is no value") {
  CHECK(is_no_value(json("null")));
  CHECK(is_no_value(json(" [ ] ")));
  CHECK(is_no_value({}));
  CHECK_FALSE(is_no_value(json("0")));
  CHECK_FALSE(is_no_value(json("\"\"")));
}

TEST_CASE("names and sizes are looked at") {
  search_attribute_types known = system_search_attributes();
  known["Color"] = enums::INDEXED_VALUE_TYPE_KEYWORD;
  auto problem = [&](const std::string& name, const std::string& text) {
    temporal::api::common::v1::SearchAttributes a;
    (*a.mutable_indexed_fields())[name] = json(text);
    return search_attributes_problem(a, known, "ns").value_or("");
  };
  CHECK(problem("Color", "\"red\"").empty());
  CHECK(problem("BuildIds", "[\"x\"]").empty());
  CHECK(problem("Nothing", "null")
        == "Namespace ns has no mapping defined for search attribute Nothing");
  CHECK(problem("WorkflowId", "\"x\"") == "WorkflowId attribute can't be set in SearchAttributes");
  CHECK(problem("Color", "\"" + std::string(3000, 'x') + "\"")
        == "search attribute Color value size 3002 exceeds size limit 2048");
}

TEST_CASE("JSON is read strictly and to a bounded depth") {
  for (const char* good : {"-0", "1.5e-3", "[[],{}]", "\"\\ud83d\\ude00\"", " true "})
    CHECK(parse_json(good));
  for (const char* bad : {"", "01", "1.", "+1", "[1,]", "{1:2}", "\"\\x\"", "\"\\ud83d\"", "nul",
                          "1 2", "\"a", "[", "{\"a\"}"})
    CHECK_FALSE(parse_json(bad));
  CHECK_FALSE(parse_json(std::string(100'000, '[')));
}

TEST_CASE("a refusal shows the value, its bytes, or all of a payload that cannot be read") {
  auto told = [](const std::string& encoding, const std::string& data) {
    temporal::api::common::v1::Payload p;
    (*p.mutable_metadata())["encoding"] = encoding;
    p.set_data(data);
    REQUIRE_FALSE(decode_search_attribute(p, enums::INDEXED_VALUE_TYPE_INT));
    constexpr std::string_view prefix = "invalid value for search attribute A of type Int: ";
    return search_attribute_refusal("A", p, enums::INDEXED_VALUE_TYPE_INT).substr(prefix.size());
  };
  CHECK(told("binary/plain", "5\xFF") == "[53 255]");
  CHECK(told("binary/plain", "") == "[]");
  CHECK(told("binary/plain", "null") == "[110 117 108 108]");
  CHECK(told("other", "5") == R"(value from <metadata:{key:"encoding"  value:"other"}  data:"5">)");
  CHECK(told("", "") == R"(value from <metadata:{key:"encoding"  value:""}>)");
  CHECK(told("json/plain", "") == R"(value from <metadata:{key:"encoding"  value:"json/plain"}>)");
  CHECK(told("json/plain", "\n\x01\"\xC3\xA9\xE9{")
        == "value from <metadata:{key:\"encoding\"  value:\"json/plain\"}  "
           "data:\"\\n\\x01\\\"\xC3\xA9\\xe9{\">");
  CHECK(told("json/plain", "1e400").starts_with("value from <"));
  CHECK(told("json/plain", R"({"b":1,"a":[1,null,true]})") == "map[a:[1 <nil> true] b:1]");
  CHECK(told("json/plain", "12345678901234567890") == "1.2345678901234567e+19");
  CHECK(told("json/plain", "[1.50,1000000,100000]") == "[1.5 1e+06 100000]");
  CHECK(told("binary/plain", std::string(1 << 20, 'x')).size() < 10'000);
}

TEST_CASE("only JSON and binary/null can say that there is no value") {
  auto payload = json("null");
  (*payload.mutable_metadata())["encoding"] = "binary/plain";
  CHECK_FALSE(is_no_value(payload));
  (*payload.mutable_metadata())["encoding"] = "binary/null";
  CHECK(is_no_value(payload));
  (*payload.mutable_metadata())["encoding"] = "";
  payload.clear_data();
  CHECK_FALSE(is_no_value(payload));
  CHECK_FALSE(is_no_value(json("")));
}

} // namespace reprise::protocol
