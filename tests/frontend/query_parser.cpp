// The visibility language: what it takes, what it refuses and with which text.
#include "frontend/query/parser.hpp"
#include "tests/support/server_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

#include <limits>

using namespace reprise;
using namespace reprise::testing;
using store::filter;

namespace {

actors::namespace_entry custom_namespace() {
  actors::namespace_entry ns;
  ns.facts.name = "default";
  auto& known = *ns.record.mutable_search_attributes();
  known["City"] = enums::INDEXED_VALUE_TYPE_KEYWORD;
  known["Age"] = enums::INDEXED_VALUE_TYPE_INT;
  known["Weight"] = enums::INDEXED_VALUE_TYPE_DOUBLE;
  known["Note"] = enums::INDEXED_VALUE_TYPE_TEXT;
  known["Paid"] = enums::INDEXED_VALUE_TYPE_BOOL;
  known["Due"] = enums::INDEXED_VALUE_TYPE_DATETIME;
  known["Tags"] = enums::INDEXED_VALUE_TYPE_KEYWORD_LIST;
  return ns;
}

frontend::visibility_query read(const std::string& text) {
  auto parsed = frontend::parse_query(text, custom_namespace(), true);
  INFO(text);
  if (!parsed)
    FAIL(parsed.error().message);
  return *parsed;
}

/// The condition that the text alone makes, without the one that hides the server's own runs.
filter condition(const std::string& text) {
  auto whole = read(text).filter;
  REQUIRE(whole.what == filter::op::both);
  REQUIRE(whole.children.size() == 2);
  CHECK(whole.children[1].attribute == "TemporalNamespaceDivision");
  return whole.children[0];
}

store::search_value value(const std::string& text) {
  return condition(text).values.front();
}

std::string refusal(const std::string& text, bool grouping = false) {
  auto parsed = frontend::parse_query(text, custom_namespace(), grouping);
  INFO(text);
  REQUIRE(!parsed);
  CHECK(parsed.error().code == errc::invalid_argument);
  return parsed.error().message;
}

} // namespace

TEST_CASE("comparisons say attribute, operation and value") {
  auto f = condition("City = 'Rome'");
  CHECK(f.what == filter::op::equal);
  CHECK(f.attribute == "City");
  CHECK(f.values[0].texts == std::vector<std::string>{"Rome"});
  CHECK(condition("Age >= 18").values[0].integer == 18);
  CHECK(condition("Age = -3").values[0].integer == -3);
  CHECK(condition("Weight < 1.5e1").values[0].real == 15);
  CHECK(condition("Weight < 15").values[0].real == 15);
  CHECK(condition("Paid = true").values[0].integer == 1);
  CHECK(condition("Due > '1970-01-01T00:00:01Z'").values[0].integer == 1'000'000'000);
  CHECK(condition("Due > 17").values[0].integer == 17);
  CHECK(condition("Tags = 'red'").values[0].texts == std::vector<std::string>{"red"});
  CHECK(condition("City <> 'Rome'").what == filter::op::not_equal);
}

TEST_CASE("words of the language are taken in any case, names as they stand") {
  CHECK(condition("City = 'a' aNd Age = 1 OR NOT Paid = TRUE").what == filter::op::either);
  CHECK(condition("`City` is NOT null").what == filter::op::is_not_null);
  CHECK(condition("City not IN ('a', \"b\")").what == filter::op::not_in);
  CHECK(condition("Age BETWEEN 1 and 5").what == filter::op::between);
  CHECK(condition("City starts_with 'R'").what == filter::op::starts_with);
  CHECK(refusal("city = 'Rome'").find("'city' is not a valid search attribute")
        != std::string::npos);
}

TEST_CASE("texts may hold quotes and escapes") {
  auto text = [](const std::string& q) { return condition(q).values[0].texts[0]; };
  CHECK(text(R"(City = 'it''s')") == "it's");
  CHECK(text(R"(City = "say ""hi""")") == "say \"hi\"");
  CHECK(text(R"(City = 'it\'s')") == "it's");
  CHECK(text(R"(City = 'a\\b')") == "a\\b");
  CHECK(text(R"(City = 'a\nb')") == "a\nb");
  CHECK(text("City = 'gr\xc3\xbc\xc3\x9f'") == "gr\xc3\xbc\xc3\x9f");
  CHECK(text("City = '; DROP TABLE runs; --'") == "; DROP TABLE runs; --");
}

TEST_CASE("statuses are known by name and number, durations by unit") {
  CHECK(condition("ExecutionStatus = 'Running'").values[0].integer == 1);
  CHECK(condition("ExecutionStatus = 'WORKFLOW_EXECUTION_STATUS_FAILED'").values[0].integer == 3);
  CHECK(condition("ExecutionStatus = 2").values[0].integer == 2);
  CHECK(condition("ExecutionDuration > '1h30m'").values[0].integer == 5'400'000'000'000);
  CHECK(condition("ExecutionDuration > '01:30:00'").values[0].integer == 5'400'000'000'000);
  CHECK(condition("ExecutionDuration > '500ms'").values[0].integer == 500'000'000);
  CHECK(condition("ExecutionDuration > 7").values[0].integer == 7);
  CHECK(refusal("ExecutionStatus = 'Asleep'").ends_with("invalid ExecutionStatus value 'Asleep'"));
  CHECK(refusal("ExecutionDuration > '1:60:00'").find("minutes must be from 0 to 59")
        != std::string::npos);
  CHECK(refusal("ExecutionDuration > 'soon'").find("invalid duration") != std::string::npos);
}

TEST_CASE("the server's own runs are hidden unless the query speaks of them") {
  CHECK(read("").filter.what == filter::op::is_null);
  CHECK(read("  \n ").filter.what == filter::op::is_null);
  auto f = read("TemporalNamespaceDivision = 'x'").filter;
  CHECK(f.what == filter::op::equal);
  CHECK(read("NamespaceDivision = 'x'").filter.attribute == "TemporalNamespaceDivision");
}

TEST_CASE("what does not parse is refused with its place") {
  CHECK(refusal("City =").starts_with("invalid query: malformed SQL query: syntax error"));
  for (const char* text : {"City",
                           "= 'a'",
                           "City = 'a",
                           "City = 'a' AND",
                           "(City = 'a'",
                           "City = 'a')",
                           "City == 'a'",
                           "City IN 'a'",
                           "City IN ()",
                           "City BETWEEN 1",
                           "City = 'a' 'b'",
                           "City LIKE",
                           "NOT",
                           "City IS",
                           "City = `a",
                           "City = #",
                           "SELECT 1",
                           "City = 'a'; DROP TABLE runs",
                           "City = -'a'",
                           "City . = 1",
                           "1",
                           "City = 'a' ORDER",
                           "City = 'a' GROUP BY",
                           "\xff\xfe",
                           "City = 1e",
                           "f(",
                           "f(1",
                           "-- only a comment"}) {
    auto parsed = frontend::parse_query(text, custom_namespace(), false);
    INFO(text);
    if (std::string_view{text} == "-- only a comment")
      continue;
    CHECK(!parsed);
  }
}

TEST_CASE("operations that an attribute does not know are refused") {
  for (const char* text :
       {"Note > 'a'", "Note IN ('a')", "Note STARTS_WITH 'a'", "Tags < 'a'",
        "Tags BETWEEN 'a' AND 'b'", "City STARTS_WITH 5", "City LIKE 'a%'", "City REGEXP 'a'",
        "City IS TRUE", "Due = 'soon'", "Note = '!'", "City = Age", "City = f(1)", "'a' = City",
        "Age = (1)", "Tags IN (1)", "Weight = 1e999", "Age = 99999999999999999999"}) {
    auto parsed = frontend::parse_query(text, custom_namespace(), false);
    INFO(text);
    // A number that no integer holds is compared as a real one.
    if (std::string_view{text}.starts_with("Age = 999"))
      continue;
    CHECK(!parsed);
  }
}

TEST_CASE("where no column or no value stands, the refusal names what does") {
  const std::string bad = "invalid query: invalid expression: ";
  const std::string unknown = "invalid query: operation is not supported: ";
  CHECK(refusal("Age+1=5") == bad + "must be a column name but was *sqlparser.BinaryExpr");
  CHECK(refusal("Age - 1 * 2 / Weight IN (5)")
        == bad + "must be a column name but was *sqlparser.BinaryExpr");
  CHECK(refusal("'a' = City") == bad + "must be a column name but was *sqlparser.SQLVal");
  CHECK(refusal("5 IS NULL") == bad + "must be a column name but was *sqlparser.SQLVal");
  CHECK(refusal("true = Paid") == bad + "must be a column name but was sqlparser.BoolVal");
  CHECK(refusal("f(1) = 2") == bad + "must be a column name but was *sqlparser.FuncExpr");
  CHECK(refusal("GROUP BY 'a'", true) == bad + "must be a column name but was *sqlparser.SQLVal");
  CHECK(refusal("Age = 4 + 1") == bad + "unexpected value type *sqlparser.BinaryExpr");
  CHECK(refusal("Age IN (1, 1 - 1)") == bad + "unexpected value type *sqlparser.BinaryExpr");
  CHECK(refusal("City") == bad + "incomplete expression");
  CHECK(refusal("f()") == unknown + "function expression");
  CHECK(refusal("City STARTS_WITH 'a' + 'b' * 2")
        == bad + "unexpected value type *sqlparser.BinaryExpr");
  CHECK(refusal("Age + 1") == unknown + "expression of type *sqlparser.BinaryExpr");
  CHECK(refusal("1") == unknown + "expression of type *sqlparser.SQLVal");
  CHECK(refusal("exists()") == "invalid query: malformed SQL query: syntax error at position 36");
  CHECK(refusal("exists City")
        == "invalid query: malformed SQL query: syntax error at position 39 near 'City'");
  CHECK(refusal("Age + = 5") == "invalid query: malformed SQL query: syntax error at position 35");
  std::string sum = "Age";
  for (int i = 0; i < 50'000; ++i)
    sum += "+1";
  CHECK(refusal(sum + " = 1") == bad + "must be a column name but was *sqlparser.BinaryExpr");
}

TEST_CASE("clauses beyond a condition are refused by name") {
  CHECK(refusal("ORDER BY StartTime").ends_with("'ORDER BY' clause"));
  CHECK(refusal("City = 'a' LIMIT 5").ends_with("'LIMIT' clause"));
  CHECK(refusal("GROUP BY ExecutionStatus").ends_with("'GROUP BY' clause"));
  CHECK(read("GROUP BY ExecutionStatus").group_by == "ExecutionStatus");
  CHECK(read("City = 'a' GROUP BY ExecutionStatus").group_by == "ExecutionStatus");
  CHECK(read("GROUP BY City").group_by == "City");
  CHECK(read("GROUP BY Tags").group_type == store::value_type::keyword_list);
  CHECK(refusal("GROUP BY Note", true).ends_with("not supported for search attribute Note"));
  CHECK(refusal("GROUP BY ExecutionStatus, City", true).find("single field") != std::string::npos);
  CHECK(refusal("GROUP BY 'a'", true) != "");
}

TEST_CASE("a list may be ordered by attributes that have an order") {
  auto ordered = [](const std::string& text) {
    INFO(text);
    auto parsed = frontend::parse_list_query(text, custom_namespace());
    if (!parsed)
      FAIL(parsed.error().message);
    return parsed->order;
  };
  auto refused = [](const std::string& text) {
    INFO(text);
    auto parsed = frontend::parse_list_query(text, custom_namespace());
    REQUIRE(!parsed);
    return parsed.error().message;
  };
  CHECK(ordered("City = 'a'").empty());
  auto order = ordered("City = 'a' ORDER BY Age DESC, `StartTime` asc, Tags");
  REQUIRE(order.size() == 3);
  CHECK(order[0].attribute == "Age");
  CHECK(order[0].is_descending);
  CHECK(order[1].attribute == "StartTime");
  CHECK(order[1].type == store::value_type::datetime);
  CHECK_FALSE(order[1].is_descending);
  CHECK(order[2].type == store::value_type::keyword_list);
  const std::string bad = "invalid query: invalid expression: ";
  const std::string unknown = "invalid query: operation is not supported: ";
  CHECK(refused("order by Nothing")
        == bad + "column name 'Nothing' is not a valid search attribute");
  CHECK(refused("ORDER BY 5") == bad + "must be a column name but was *sqlparser.SQLVal");
  CHECK(refused("ORDER BY Note") == unknown + "unable to sort by search attribute type Text");
  CHECK(refused("ORDER BY Age LIMIT 5") == unknown + "'LIMIT' clause");
  CHECK(refused("GROUP BY City ORDER BY Age") == unknown + "'GROUP BY' clause");
  CHECK(refused("ORDER BY Age,Age,Age,Age,Age,Age,Age,Age,Age,Age,Age")
        == unknown + "'ORDER BY' clause with more than 10 fields");
}

TEST_CASE("queries too long, too deep or too wide are refused, not run") {
  CHECK(refusal(std::string(1'100'000, 'x')).find("longer than") != std::string::npos);
  CHECK(refusal(std::string(100'000, '('))
        == "invalid query: malformed SQL query: max nesting level reached at position 228");
  std::string nots;
  for (int i = 0; i < 20'000; ++i)
    nots += "NOT ";
  refusal(nots + "City = 'a'");
  std::string tuples = "City IN ";
  refusal(tuples + std::string(50'000, '('));
  std::string calls = "City = ";
  for (int i = 0; i < 20'000; ++i)
    calls += "f(";
  refusal(calls);
  std::string wide = "Age = 1";
  for (int i = 0; i < 10'000; ++i)
    wide += " OR Age = 1";
  CHECK(refusal(wide) == "invalid query: invalid expression: more than 10000 values");
}

TEST_CASE("199 levels are read, and one kind within itself is one level") {
  auto folded = [](const char* joint, int levels) {
    std::string out = "City = 'a'";
    for (int i = 0; i < levels; ++i)
      out = std::string{"(City = 'b' "}.append(joint).append(" ").append(out).append(")");
    return out;
  };
  for (const auto* joint : {"OR", "AND"}) {
    auto all = read(folded(joint, 199)).filter;
    CHECK(store::size_of(all).leaves == 201);
    CHECK(store::size_of(all).depth <= 2);
    CHECK(refusal(folded(joint, 200)).find("max nesting level reached at position")
          != std::string::npos);
  }
  std::string nots = "City = 'a'";
  for (int i = 0; i < 199; ++i)
    nots = "NOT " + nots;
  CHECK(store::size_of(read(nots).filter).depth == 2);
  CHECK(refusal("NOT " + nots)
        == "invalid query: malformed SQL query: max nesting level reached at position 827 near "
           "'not'");
}

TEST_CASE("a number may be given as a text") {
  for (const auto* query : {"Age = '7'", "Age IN ('7', 8)", "HistoryLength >= '7'",
                            "Age BETWEEN '7' AND '8'", "Weight = '7.5'", "Weight < \"7\""})
    read(query);
  CHECK(read("Age = '7'").filter.children.front().values.front().integer == 7);
  CHECK(condition("Age = 'seven'").values.front().type == store::value_type::real);
}

TEST_CASE("signs belong to numbers, brackets to lists") {
  const std::string bad = "invalid query: invalid expression: ";
  CHECK(condition("Age = +7").values.front().integer == 7);
  CHECK(condition("Age IN (+7, -8)").values.back().integer == -8);
  CHECK(refusal("City = -'x'") == bad + "unary operator not supported in \"-'x'\"");
  CHECK(refusal("Age = +Weight") == bad + "unary operator not supported in \"+Weight\"");
  CHECK(refusal("Age = - - 7").find("syntax error") != std::string::npos);
  CHECK(refusal("Age = (7)") == bad + "unexpected value type *sqlparser.ParenExpr");
  CHECK(refusal("Age IN ((7), 8)") == bad + "unexpected value type *sqlparser.ParenExpr");
  CHECK(refusal("GROUP BY (ExecutionStatus)", true)
        == bad + "must be a column name but was *sqlparser.ParenExpr");
  CHECK(refusal("City STARTS_WITH 1.50").ends_with("(got: 1.5)"));
}

TEST_CASE("a list's grouping is looked at as a count's, and refused then") {
  CHECK(refusal("GROUP BY ExecutionStatus").ends_with("'GROUP BY' clause"));
  CHECK(refusal("GROUP BY Note").find("not supported for search attribute Note")
        != std::string::npos);
  CHECK(refusal("GROUP BY 5").find("must be a column name") != std::string::npos);
  CHECK(refusal("GROUP BY ExecutionStatus, City").ends_with("supports only a single field"));
}

TEST_CASE("a schedule's workflow is called as the schedule") {
  CHECK(condition("ScheduleId = 'nightly'").attribute == "WorkflowId");
  CHECK(condition("TemporalScheduleId IN ('a')").attribute == "WorkflowId");
}

// What the parser lets through a store runs or refuses as the caller's fault: it is not down.
TEST_CASE("values of another type compare as the reference's store compares them") {
  auto text = [](const std::string& query) { return condition(query).values.front().texts; };
  using texts = std::vector<std::string>;
  CHECK(text("City = 5") == texts{"5"});
  CHECK(text("City > -1.50") == texts{"-1.5"});
  CHECK(text("City != 1e2") == texts{"100"});
  CHECK(text("City = true") == texts{"1"});
  CHECK(text("City IN (FALSE, 'a')") == texts{"0"});
  CHECK(value("Age = true").integer == 1);
  CHECK(value("Weight > false").integer == 0);
  CHECK(value("ExecutionStatus = true").integer == 1);
  CHECK(value("Paid = 1").integer == 1);
  CHECK(value("Paid = '0'").integer == 0);
  CHECK(condition("Paid > false").what == filter::op::greater);
  CHECK(value("Age = ' +7 '").integer == 7);
  // What spells no number is greater than every one.
  for (const char* query : {"Age < 'x'", "Age = ''", "Weight != 'inf'", "Paid = 'yes'",
                            "Age = '-nan'", "Age > '0x1'", "Age BETWEEN 'a' AND 5"})
    CHECK(value(query).real == std::numeric_limits<double>::max());
  // A time is a text there, and greater than a number.
  CHECK(value("Due > true").integer == std::numeric_limits<std::int64_t>::min());
}

TEST_CASE("a number beside keywords is the text that the reference's store has of it") {
  auto text = [](const char* query) { return value(query).texts.front(); };
  CHECK(text("City = 9223372036854775807") == "9223372036854775807");
  CHECK(text("City < 12345678901234567891") == "1.2345678901234567e+19");
  CHECK(text("City = -1e20") == "-1.0e+20");
  CHECK(text("City = 1.5e300") == "1.5e+300");
  CHECK(text("City = 123456789012345678.0") == "123456789012345680");
  CHECK(text("City = 1e-5") == "1.0e-05");
  CHECK(text("City = 0.00010") == "0.0001");
  CHECK(text("City = 15.0") == "15");
  CHECK(text("City = 1e-400") == "0");
  CHECK(refusal("City STARTS_WITH 12345678901234567891").ends_with("(got: 12345678901234567000)"));
}

TEST_CASE("a number that is too large for all attributes is told before what they know") {
  for (const char* query : {"City = 1e400", "Age = 1e400", "Weight < 1e400", "Age IN (1, 1e400)",
                            "Note = 1e400", "ExecutionStatus = 1e400", "Age STARTS_WITH 1e400"})
    CHECK(refusal(query) == "invalid expression: unable to parse 1e400");
  CHECK(refusal("Age = -" + std::string(400, '1'))
        == "invalid expression: unable to parse -" + std::string(400, '1'));
  CHECK(value("Weight > 1e-400").real == 0);
}

TEST_CASE("integers are found by the beginning of their text") {
  auto ranges = [](const std::string& prefix) {
    std::vector<std::pair<std::int64_t, std::int64_t>> out;
    auto f = condition("Age STARTS_WITH '" + prefix + "'");
    if (f.what != filter::op::either)
      return out;
    for (const auto& range : f.children)
      out.emplace_back(range.values[0].integer, range.values[1].integer);
    return out;
  };
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  auto five = ranges("5");
  REQUIRE(five.size() == 19);
  CHECK(five[0] == std::pair<std::int64_t, std::int64_t>{5, 5});
  CHECK(five[2] == std::pair<std::int64_t, std::int64_t>{500, 599});
  CHECK(ranges("9").back().second == most);
  CHECK(ranges("-9").back().first == least);
  CHECK(ranges("-12")[1] == std::pair<std::int64_t, std::int64_t>{-129, -120});
  CHECK(ranges("0") == decltype(five){{0, 0}});
  CHECK(ranges("-") == decltype(five){{least, -1}});
  CHECK(ranges("9223372036854775808").empty());
  for (const char* none : {"05", "-0", "--5", "+5", "5.", "5 ", "5e0", "99999999999999999999"})
    CHECK(ranges(none).empty());
  CHECK(condition("Age NOT STARTS_WITH '5'").what == filter::op::negation);
  CHECK(condition("Paid STARTS_WITH '1'").what == filter::op::equal);
  CHECK(condition("Paid NOT STARTS_WITH '0'").what == filter::op::not_equal);
  CHECK(condition("Paid STARTS_WITH '5'").what == filter::op::greater);
}

TEST_CASE("numbers with a fraction are found by the beginning of their text") {
  auto is_found = [](const std::string& prefix, double x) {
    auto f = condition("Weight STARTS_WITH '" + prefix + "'");
    store::visibility_row row;
    row.search_attributes = {{"Weight", {.type = store::value_type::real, .real = x}}};
    return store::matches(f, row);
  };

  struct number {
    double value;
    const char* text;
  };

  // As SQLite spells them.
  const std::vector<number> numbers{
    {0, "0.0"},           {0.1, "0.1"},        {0.25, "0.25"},
    {1, "1.0"},           {1.5, "1.5"},        {1.52, "1.52"},
    {1.6, "1.6"},         {10, "10.0"},        {12.5, "12.5"},
    {15, "15.0"},         {100, "100.0"},      {1e15, "1000000000000000.0"},
    {1e20, "1.0e+20"},    {1.5e20, "1.5e+20"}, {1e-4, "0.0001"},
    {1.5e-5, "1.5e-05"},  {9.99, "9.99"},      {-1.5, "-1.5"},
    {-0.25, "-0.25"},     {1e300, "1.0e+300"}, {1.7e308, "1.7e+308"},
    {5e-324, "5.0e-324"}, {-1e20, "-1.0e+20"}, {99999, "99999.0"}};
  for (const auto& [value, text] : numbers)
    for (const char* prefix :
         {"0",   "0.",    "0.0", "0.00", "0.1",  "0.10",   "0.2",   "1",        "1.",
          "1.0", "1.00",  "1.5", "1.50", "1.5e", "1.5e+2", "1.5e-", "1.0e+",    "1.0e+3",
          "10",  "10.0",  "100", "12",   "15",   "15.0",   "9",     "9.99",     "9.999",
          "99",  "99999", "-",   "-1",   "-1.5", "-0",     "-1.0e", "5.0e-324", "00",
          "01",  "1e20",  "1..", "-.",   "."})
      CHECK_MESSAGE(is_found(prefix, value) == std::string_view{text}.starts_with(prefix),
                    std::string{text}, " / ", std::string{prefix});
  CHECK(condition("Weight NOT STARTS_WITH '5'").what == filter::op::negation);
  CHECK(condition("Weight STARTS_WITH 'x'").what == filter::op::greater);
  // Each of them stands for hundreds of ranges.
  std::string wide = "Weight STARTS_WITH '1.'";
  for (int i = 0; i < 20; ++i)
    wide += " OR Weight STARTS_WITH '1.'";
  CHECK(refusal(wide) == "invalid query: invalid expression: more than 10000 values");
}

TEST_CASE("numbers and times begin with no text that anybody gives") {
  CHECK(condition("Age STARTS_WITH 'x'").what == filter::op::greater);
  CHECK(condition("Age NOT STARTS_WITH 'x'").what == filter::op::less_equal);
  CHECK(condition("Paid STARTS_WITH ''").what == filter::op::less_equal);
  CHECK(condition("Due STARTS_WITH '2020-01-01T00:00:00Z'").what == filter::op::greater);
  CHECK(refusal("Due STARTS_WITH '2020'").ends_with("unable to parse datetime '2020'"));
  CHECK(refusal("Age STARTS_WITH 5").ends_with("must be a literal string (got: 5)"));
  CHECK(refusal("ExecutionStatus STARTS_WITH 'Running'")
          .ends_with("must be a literal string (got: 1)"));
  CHECK(refusal("ExecutionDuration STARTS_WITH '1s'")
          .ends_with("must be a literal string (got: 1000000000)"));
}

TEST_CASE("of a comparison's faults the first in the API's order is told") {
  CHECK(refusal("Nothing LIKE 'a'").ends_with("invalid operator 'like' in `Nothing like 'a'`"));
  CHECK(refusal("5 LIKE 'a'").ends_with("invalid operator 'like' in `5 like 'a'`"));
  CHECK(refusal("Note > now()").ends_with("nested func"));
  CHECK(refusal("Tags STARTS_WITH City").find("column name on the right side")
        != std::string::npos);
  CHECK(refusal("Tags STARTS_WITH 5").find("operator 'starts_with' not supported")
        != std::string::npos);
  CHECK(refusal("Tags = true").ends_with("(expected string, got true)"));
  CHECK(refusal("Tags IN ('a', true)")
          .ends_with("unexpected value type in tuple (expected string, got true)"));
  CHECK(refusal("Note IN (5)").find("operator 'in' not supported") != std::string::npos);
}

TEST_CASE("the largest queries run on SQLite or are refused, and the store goes on") {
  temporary_folder folder;
  auto opened = store::open_sqlite({.path = folder.file("store.db")});
  REQUIRE(opened);
  virtual_server_options options;
  options.store = std::shared_ptr<store::store>{std::move(*opened)};
  options.first.search_attributes = {{"Age", enums::INDEXED_VALUE_TYPE_INT},
                                     {"City", enums::INDEXED_VALUE_TYPE_KEYWORD}};
  server_fixture server{std::move(options)};
  server.start_workflow("w");
  auto repeated = [](const std::string& what, const std::string& joint, int n) {
    auto out = what;
    for (int i = 1; i < n; ++i)
      out.append(joint).append(what);
    return out;
  };
  auto runs = [&server](const std::string& query) {
    auto answer = server.answer_to(server_fixture::list_request(query));
    if (!answer)
      CHECK_MESSAGE(answer.error().code == errc::invalid_argument, answer.error().message);
    return answer.has_value();
  };
  CHECK(runs(repeated("Age IS NULL", " AND ", 200)));
  CHECK(runs(repeated("WorkflowId = 'w'", " OR ", 200)));
  CHECK(runs("WorkflowId IN (" + repeated("'w'", ",", 9000) + ")"));
  for (int n : {500, 1000, 1900, 15'000}) {
    runs(repeated("Age IS NULL", " AND ", n));
    runs(repeated("WorkflowId = 'w'", " OR ", n));
    runs(repeated("City STARTS_WITH 'x'", " OR ", n));
  }
  for (int depth : {1, 10, 25, 49, 99}) {
    INFO(depth);
    // Each level is an operation of its own that nothing can fold.
    std::string nested = "Age IS NULL";
    for (int i = 0; i < depth; ++i)
      nested = (i % 2 == 0 ? "NOT (City = 'a' OR " : "NOT (City IS NULL AND ") + nested + ")";
    CHECK(runs(nested));
  }
}
