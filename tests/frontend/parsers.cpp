// Small readers of hostile text: times, page tokens, client versions.
#include "frontend/call/client_version.hpp"
#include "frontend/token/list_token.hpp"
#include "frontend/validate/search_attributes.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <random>

using namespace reprise;
using frontend::parse_rfc3339;

TEST_CASE("times are read to the nanosecond, in any zone") {
  CHECK(parse_rfc3339("1970-01-01T00:00:00Z") == 0);
  CHECK(parse_rfc3339("1970-01-01T00:00:00.000000001Z") == 1);
  CHECK(parse_rfc3339("1970-01-01T00:00:00.5Z") == 500'000'000);
  CHECK(parse_rfc3339("1970-01-01T01:00:00+01:00") == 0);
  CHECK(parse_rfc3339("1969-12-31T23:30:00-00:30") == 0);
  CHECK(parse_rfc3339("2024-02-29T12:34:56.123456789Z") == 1'709'210'096'123'456'789);
  // Digits behind the ninth mean nothing to us.
  CHECK(parse_rfc3339("1970-01-01T00:00:00.0000000019999Z") == 1);
}

TEST_CASE("times beyond what nanoseconds can say are the nearest that they can") {
  auto last = parse_rfc3339("9999-12-31T23:59:59.999999999Z");
  REQUIRE(last);
  CHECK(*last > parse_rfc3339("2262-04-11T00:00:00Z"));
  auto first = parse_rfc3339("0001-01-01T00:00:00Z");
  REQUIRE(first);
  CHECK(*first < parse_rfc3339("1677-12-31T00:00:00Z"));
}

TEST_CASE("what is no time is refused") {
  for (const char* text : {"",
                           "Z",
                           "2024",
                           "2024-01-01",
                           "2024-01-01T00:00:00",
                           "2024-01-01 00:00:00Z",
                           "2024-13-01T00:00:00Z",
                           "2024-00-01T00:00:00Z",
                           "2024-01-32T00:00:00Z",
                           "2023-02-29T00:00:00Z",
                           "2024-01-01T24:00:00Z",
                           "2024-01-01T00:60:00Z",
                           "2024-01-01T00:00:60Z",
                           "2024-01-01T00:00:00.Z",
                           "2024-01-01T00:00:00+1:00",
                           "2024-01-01T00:00:00+24:00",
                           "2024-01-01T00:00:00+01:60",
                           "2024-01-01T00:00:00Zx",
                           "+024-01-01T00:00:00Z",
                           "-001-01-01T00:00:00Z",
                           "2024-01-01t00:00:00z"}) {
    INFO(text);
    CHECK_FALSE(parse_rfc3339(text));
  }
}

TEST_CASE("a list token leads back to its place") {
  std::mt19937_64 random{1};
  for (int i = 0; i < 1000; ++i) {
    store::list_cursor place;
    if (i % 3 == 0)
      place.close_time = time_point{duration{static_cast<std::int64_t>(random())}};
    if (i % 3 == 1)
      place.walk_began = time_point{duration{static_cast<std::int64_t>(random())}};
    place.start_time = time_point{duration{static_cast<std::int64_t>(random())}};
    place.key = static_cast<std::int64_t>(random());
    auto read = frontend::read_list_token(frontend::write_list_token(place));
    REQUIRE(read);
    CHECK(read->close_time == place.close_time);
    CHECK(read->start_time == place.start_time);
    CHECK(read->walk_began == place.walk_began);
    CHECK(read->key == place.key);
  }
}

TEST_CASE("list tokens of another server lead to their place, null to the first page") {
  for (const char* first : {"", "null", " null "})
    CHECK(frontend::is_first_page(first));
  for (const char* empty :
       {"{}", " {} ", R"({"x":1})", R"({"RunID":"x"})", R"({"StartTime":null})"}) {
    CHECK_FALSE(frontend::is_first_page(empty));
    auto place = frontend::read_list_token(empty);
    REQUIRE(place);
    // No row lies behind the beginning of time.
    CHECK(place->close_time == time_point::min());
  }
  auto open = frontend::read_list_token(
    R"({"CloseTime":"9999-12-31T23:59:59Z","StartTime":"1970-01-01T00:00:01Z","RunID":"x"})");
  REQUIRE(open);
  CHECK_FALSE(open->close_time);
  CHECK(open->start_time == time_point{std::chrono::seconds{1}});
  auto closed = frontend::read_list_token(R"({"CloseTime":"1970-01-01T00:00:02Z"})");
  REQUIRE(closed);
  CHECK(closed->close_time == time_point{std::chrono::seconds{2}});
  for (const char* bad :
       {"{", "[]", "5", "\"a\"", "true", "{}x", R"({"CloseTime":5})", R"({"CloseTime":"soon"})"})
    CHECK(frontend::read_list_token(bad).error().message == "Invalid NextPageToken.");
}

TEST_CASE("list tokens of no server of ours are refused") {
  auto whole = frontend::write_list_token({.start_time = time_point{duration{5}}, .key = 7});
  for (std::size_t n = 0; n < whole.size(); ++n)
    CHECK(!frontend::read_list_token(whole.substr(0, n)));
  for (const auto& bad : {whole + "x", "x" + whole.substr(1), std::string(10'000, 'o'),
                          std::string(17, '\0'), "c" + whole.substr(1)}) {
    auto read = frontend::read_list_token(bad);
    REQUIRE(!read);
    CHECK(read.error().code == errc::invalid_argument);
    CHECK(read.error().message == "Invalid NextPageToken.");
  }
}

TEST_CASE("a token of a sorted list leads back to its place, in its query alone") {
  using store::value_type;
  std::vector<store::sort_key> order{{.attribute = "City"},
                                     {.attribute = "Age", .type = value_type::integer},
                                     {.attribute = "Weight", .type = value_type::real},
                                     {.attribute = "Due", .type = value_type::datetime}};
  store::sorted_place place{.values = {{.texts = {std::string(300, 'x')}},
                                       {.type = value_type::integer, .integer = -5},
                                       {.type = value_type::real, .real = 2.5},
                                       {}},
                            .key = 77};
  auto hash = frontend::hash_of_query("ns", "ORDER BY City, Age, Weight, Due");
  auto token = frontend::write_sorted_token(place, hash);
  auto read = frontend::read_sorted_token(token, hash, order);
  REQUIRE(read);
  CHECK(read->values == place.values);
  CHECK(read->key == place.key);
  auto refusal = [&](const std::string& bytes, std::span<const store::sort_key> by) {
    auto bad = frontend::read_sorted_token(bytes, hash, by);
    REQUIRE(!bad);
    CHECK(bad.error().code == errc::invalid_argument);
    return bad.error().message;
  };
  const std::string invalid = "Invalid NextPageToken.";
  auto other = frontend::hash_of_query("ns", "ORDER BY City, Age, Weight, StartTime");
  CHECK(refusal(frontend::write_sorted_token(place, other), order) == invalid);
  CHECK(frontend::hash_of_query("a", "bc") != frontend::hash_of_query("ab", "c"));
  for (std::size_t n = 0; n < token.size(); ++n)
    refusal(token.substr(0, n), order);
  CHECK(refusal(token + "x", order) == invalid);
  // A type that is another by now.
  auto retyped = order;
  retyped[1].type = value_type::keyword;
  CHECK(refusal(token, retyped) == invalid);
  const std::string mismatch = "Invalid page token for given sort fields: expected ";
  CHECK(refusal(token, std::span{order}.first(2)) == mismatch + "3 fields, got 5");
  auto own = frontend::write_list_token({.start_time = time_point{duration{5}}, .key = 7});
  CHECK(refusal(own, order) == mismatch + "5 fields, got 3");
  CHECK(frontend::read_list_token(token).error().message == mismatch + "3 fields, got 5");
}

namespace {

std::string refusal(const frontend::headers& said) {
  auto fits = frontend::check_client_version(said, "1.26.2");
  return fits ? std::string{} : fits.error().message;
}

} // namespace

TEST_CASE("clients that are supported, unknown or silent are served") {
  CHECK(refusal({}) == "");
  CHECK(refusal({{"client-name", "temporal-go"}}) == "");
  CHECK(refusal({{"client-version", "99.0.0"}}) == "");
  CHECK(refusal({{"client-name", "made-up"}, {"client-version", "none"}}) == "");
  for (const auto& [name, range] : frontend::supported_clients())
    CHECK(refusal({{"client-name", name}, {"client-version", "1.0.0"}}) == "");
  CHECK(refusal({{"client-name", "temporal-java"}, {"client-version", "1.20.1-SNAPSHOT"}}) == "");
}

TEST_CASE("versions that are none, or too new, are refused") {
  constexpr const char* unreadable
    = "Unable to parse client version: No Major.Minor.Patch elements found";
  for (const char* bad :
       {"1", "1.2", "1.2.3.4", "x.y.z", "1.2.", "-1.2.3", "1..3", "99999999999.1.1", " 1.2.3"})
    CHECK(refusal({{"client-name", "temporal-go"}, {"client-version", bad}}) == unreadable);
  CHECK(refusal({{"client-name", "temporal-go"}, {"client-version", "2.0.0"}})
        == "Client version 2.0.0 is not supported. Server supports temporal-go versions: <2.0.0");
}

TEST_CASE("a client that does not support this server is told so") {
  frontend::headers said{{"client-name", "temporal-go"},
                         {"client-version", "1.0.0"},
                         {"supported-server-versions", ">=1.0.0 <2.0.0"}};
  CHECK(refusal(said) == "");
  said["supported-server-versions"] = ">=2.0.0";
  auto why = frontend::check_client_version(said, "1.26.2");
  REQUIRE(!why);
  CHECK(why.error().code == errc::failed_precondition);
  said["supported-server-versions"] = "> 2.0.0";
  CHECK(refusal(said) != "");
  said["supported-server-versions"] = "<1.0.0 || >=1.26.0";
  CHECK(refusal(said) == "");
  // What cannot be read excludes nobody.
  for (const char* odd : {"", "nonsense", "||", ">=", "<", " ", ">= 1.0.0"}) {
    said["supported-server-versions"] = odd;
    CHECK(refusal(said) == "");
  }
}
