// The meaning of filters: what matches() says, and that the SQL stores say the same of random rows
// and random queries.
#include "store/columns.hpp"
#include "tests/store/backends.hpp"

#include <algorithm>
#include <limits>

using namespace reprise;
using namespace reprise::test;
using store::commit_status;
using store::filter;
using store::search_value;
using store::value_type;
using op = store::filter::op;

namespace {

search_value keyword(std::string text) {
  return {.type = value_type::keyword, .texts = {std::move(text)}};
}

search_value integer(std::int64_t n) {
  return {.type = value_type::integer, .integer = n};
}

search_value real(double r) {
  return {.type = value_type::real, .real = r};
}

filter leaf(op what, std::string attribute, value_type type, std::vector<search_value> values) {
  return {
    .what = what, .attribute = std::move(attribute), .type = type, .values = std::move(values)};
}

filter tree(op what, std::vector<filter> children) {
  return {.what = what, .children = std::move(children)};
}

store::visibility_row sample() {
  auto row = listed(1, 10);
  row.search_attributes = {
    {"Number", integer(20)},
    {"Tags", {.type = value_type::keyword_list, .texts = {"a", "b"}}},
    {"Text", {.type = value_type::text, .texts = {"quick-silver, Surfer"}}},
    {"Word", keyword("apple")},
  };
  return row;
}

} // namespace

TEST_CASE("comparisons with an absent attribute match neither way") {
  auto row = sample();
  for (auto what : {op::equal, op::not_equal, op::in, op::not_in, op::starts_with,
                    op::not_starts_with, op::less}) {
    auto f = leaf(what, "Absent", value_type::keyword, {keyword("x")});
    CHECK(!store::matches(f, row));
    CHECK(!store::matches(tree(op::negation, {f}), row));
  }
  CHECK(store::matches(leaf(op::is_null, "Absent", value_type::keyword, {}), row));
  CHECK(!store::matches(leaf(op::is_not_null, "Absent", value_type::keyword, {}), row));
}

TEST_CASE("keywords compare by bytes, numbers across their kinds") {
  auto row = sample();
  auto word = [&](op what, std::vector<search_value> v) {
    return store::matches(leaf(what, "Word", value_type::keyword, std::move(v)), row);
  };
  CHECK(word(op::equal, {keyword("apple")}));
  CHECK(!word(op::equal, {keyword("Apple")}));
  CHECK(word(op::greater, {keyword("Zebra")}));
  CHECK(word(op::starts_with, {keyword("app")}));
  CHECK(word(op::starts_with, {keyword("")}));
  CHECK(word(op::between, {keyword("apple"), keyword("b")}));
  CHECK(word(op::not_between, {keyword("b"), keyword("c")}));
  CHECK(!word(op::equal, {integer(5)}));
  auto number = [&](op what, std::vector<search_value> v) {
    return store::matches(leaf(what, "Number", value_type::integer, std::move(v)), row);
  };
  CHECK(number(op::greater, {real(19.5)}));
  CHECK(number(op::equal, {real(20.0)}));
  CHECK(number(op::in, {integer(1), integer(20)}));
  CHECK(number(op::not_in, {integer(1), integer(2)}));
  CHECK(!store::matches(leaf(op::equal, "Number", value_type::keyword, {keyword("20")}), row));
}

TEST_CASE("lists match by whole elements, texts by any word in any case") {
  auto row = sample();
  auto tags = [&](op what, std::vector<search_value> v) {
    return store::matches(leaf(what, "Tags", value_type::keyword_list, std::move(v)), row);
  };
  CHECK(tags(op::equal, {keyword("b")}));
  CHECK(!tags(op::equal, {keyword("c")}));
  CHECK(tags(op::not_equal, {keyword("c")}));
  CHECK(tags(op::in, {keyword("c"), keyword("a")}));
  CHECK(!tags(op::not_in, {keyword("c"), keyword("a")}));
  auto text = [&](op what, std::string v) {
    return store::matches(leaf(what, "Text", value_type::text, {keyword(std::move(v))}), row);
  };
  CHECK(text(op::equal, "silver"));
  CHECK(text(op::equal, "SURFER turtle"));
  CHECK(!text(op::equal, "surf"));
  CHECK(!text(op::equal, ""));
  CHECK(text(op::not_equal, "turtle"));
}

TEST_CASE("words are those that people read, in any script and case") {
  struct sentence {
    const char* text;
    const char* word;
    bool found = true;
  };

  for (auto [text, word, found] : {
         sentence{"ÜBER UNS", "über"},
         sentence{"МОСКВА Кремль", "москва"},
         sentence{"ΑΘΗΝΑ", "αθηνα"},
         sentence{"ΟΔΟΣ", "οδος"},
         sentence{"STRASSE", "straße"},
         sentence{"refund—partial", "refund"},
         sentence{"the “urgent” order", "urgent"},
         sentence{"order\u00a0paid", "paid"},
         sentence{"waiting…", "waiting"},
         sentence{"total 10€", "10"},
         sentence{"«livré»", "livré"},
         sentence{"東京、大阪", "東京"},
         sentence{"東京都庁", "東京"},
         sentence{"さくら", "くら"},
         sentence{"コーヒー、ミルク", "コーヒー"},
         sentence{"naïve plan", "naïve"},
         sentence{"cafe\u0301 au lait", "café"},
         sentence{"Brown-FOX jumps", "fox"},
         sentence{"do not", "not never"},
         // Accents make another word, and what joins letters joins words.
         sentence{"naïve", "naive", false},
         sentence{"don't", "don", false},
         sentence{"snake_case", "snake", false},
         sentence{"pi is 3.14", "3", false},
         sentence{"pi is 3.14", "3.14"},
         sentence{"surfer", "surf", false},
       }) {
    auto row = sample();
    row.search_attributes = {{"Text", {.type = value_type::text, .texts = {text}}}};
    auto matches = store::matches(leaf(op::equal, "Text", value_type::text, {keyword(word)}), row);
    CHECK_MESSAGE(matches == found, text, " / ", word);
  }
  CHECK(store::words_of("— … «»").empty());
  CHECK(store::words_of("b a, B") == std::vector<std::string>{"a", "b"});
  CHECK(store::words_of("\xff\xfe broken").size() == 1);
}

TEST_CASE("an open run closes later than any time, and has no counters yet") {
  auto row = sample();
  row.history_length = 9;
  auto close = [&](op what, std::vector<search_value> v) {
    return store::matches(leaf(what, "CloseTime", value_type::datetime, std::move(v)), row);
  };
  auto late = search_value{.type = value_type::datetime,
                           .integer = store::nanoseconds(at(1'000'000))};
  CHECK(close(op::greater, {late}));
  CHECK(close(op::not_equal, {late}));
  CHECK(!close(op::less, {late}));
  CHECK(close(op::is_null, {}));
  auto length = leaf(op::equal, "HistoryLength", value_type::integer, {integer(9)});
  auto duration = leaf(op::greater_equal, "ExecutionDuration", value_type::integer,
                       {integer(5'000'000'000)});
  CHECK(!store::matches(length, row));
  CHECK(!store::matches(duration, row));
  row.close_time = at(15);
  CHECK(store::matches(length, row));
  CHECK(store::matches(duration, row));
  CHECK(!close(op::is_null, {}));
  CHECK(store::matches(leaf(op::is_null, "ParentRunId", value_type::keyword, {}), row));
}

// -- the mirror ----------------------------------------------------------------------------------

namespace {

/// Rows and queries from one seed, over few values, so that they often meet.
class generator {
public:
  explicit generator(std::uint64_t seed) : state_(seed) {
  }

  std::uint64_t below(std::uint64_t n) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return (state_ >> 11) % n;
  }

  std::string word() {
    static const std::vector<std::string> words{"",
                                                "a",
                                                "b",
                                                "apple",
                                                "Apple",
                                                "app",
                                                "apple 2",
                                                "f%o",
                                                "f_o",
                                                "it's",
                                                "a ",
                                                "\\esc",
                                                "\xc5\xbc\xc3\xb3",
                                                "\xf0\x9f\x98\x80"};
    return words[below(words.size())];
  }

  search_value value(value_type type) {
    switch (type) {
      case value_type::integer:
        return integer(static_cast<std::int64_t>(below(7)) - 3);
      case value_type::real:
        return real(static_cast<double>(below(9)) / 4 - 1);
      case value_type::boolean:
        return {.type = type, .integer = static_cast<std::int64_t>(below(2))};
      case value_type::datetime:
        return {.type = type, .integer = store::nanoseconds(at(random_second()))};
      case value_type::keyword_list: {
        search_value v{.type = type};
        for (auto n = below(4); n > 0; --n)
          v.texts.push_back(word());
        return v;
      }
      case value_type::text:
        return {.type = type, .texts = {word() + "," + word()}};
      case value_type::keyword:
        break;
    }
    return keyword(word());
  }

  std::int64_t random_second() {
    return static_cast<std::int64_t>(below(8));
  }

  store::visibility_row row(std::int64_t key) {
    auto r = listed(key, random_second());
    r.workflow_type = word();
    r.task_queue = word();
    r.status = static_cast<int>(below(8));
    r.execution_time = at(random_second());
    if (below(2) == 0)
      r.close_time = at(random_second());
    r.history_length = static_cast<std::int64_t>(below(5));
    r.history_size_bytes = static_cast<std::int64_t>(below(5));
    r.state_transition_count = static_cast<std::int64_t>(below(5));
    r.parent_workflow_id = word();
    r.root_workflow_id = word();
    for (auto& [name, type] : attributes())
      if (below(2) == 0)
        r.search_attributes.push_back({name, value(type)});
    return r;
  }

  filter query(int depth) {
    auto kind = depth == 0 ? 9 : below(10);
    if (kind < 2)
      return tree(op::both, some(depth));
    if (kind < 4)
      return tree(op::either, some(depth));
    if (kind < 5)
      return tree(op::negation, {query(depth - 1)});
    return comparison();
  }

  static const std::vector<std::pair<std::string, value_type>>& attributes() {
    static const std::vector<std::pair<std::string, value_type>> all{
      {"Bool", value_type::boolean}, {"Date", value_type::datetime},
      {"Int", value_type::integer},  {"List", value_type::keyword_list},
      {"Real", value_type::real},    {"Text", value_type::text},
      {"Word", value_type::keyword}};
    return all;
  }

private:
  std::vector<filter> some(int depth) {
    std::vector<filter> children;
    for (auto n = below(4); n > 0; --n)
      children.push_back(query(depth - 1));
    return children;
  }

  filter comparison() {
    static const std::vector<std::pair<std::string, value_type>> system{
      {"WorkflowId", value_type::keyword},
      {"RunId", value_type::keyword},
      {"WorkflowType", value_type::keyword},
      {"TaskQueue", value_type::keyword},
      {"ExecutionStatus", value_type::integer},
      {"StartTime", value_type::datetime},
      {"ExecutionTime", value_type::datetime},
      {"CloseTime", value_type::datetime},
      {"HistoryLength", value_type::integer},
      {"HistorySizeBytes", value_type::integer},
      {"ExecutionDuration", value_type::integer},
      {"StateTransitionCount", value_type::integer},
      {"ParentWorkflowId", value_type::keyword},
      {"ParentRunId", value_type::keyword},
      {"RootWorkflowId", value_type::keyword},
      {"RootRunId", value_type::keyword},
      {"Unheard", value_type::keyword}};
    auto& from = below(2) == 0 ? system : attributes();
    auto [name, type] = from[below(from.size())];
    auto what = static_cast<op>(static_cast<int>(op::equal) + static_cast<int>(below(14)));
    auto value_kind = below(12) == 0 ? value_type::keyword : type;
    std::vector<search_value> values;
    for (auto n = 1 + below(3); n > 0; --n)
      values.push_back(value_for(name, value_kind));
    return leaf(what, name, type, std::move(values));
  }

  search_value value_for(const std::string& name, value_type type) {
    if (name == "WorkflowId" && type == value_type::keyword)
      return keyword(workflow_id_of(static_cast<std::int64_t>(below(70))));
    if (name == "RunId" && type == value_type::keyword)
      return keyword(run_id_of(static_cast<std::int64_t>(below(70))));
    if (name == "ExecutionDuration" && type == value_type::integer)
      return integer((static_cast<std::int64_t>(below(9)) - 4) * 1'000'000'000);
    // What stands for "greater than every number" and "earlier than every time".
    auto is_number = type == value_type::integer || type == value_type::real
                     || type == value_type::boolean;
    if (is_number && below(16) == 0)
      return real(std::numeric_limits<double>::max());
    if (type == value_type::datetime && below(16) == 0)
      return {.type = type, .integer = std::numeric_limits<std::int64_t>::min()};
    return value(type);
  }

  std::uint64_t state_;
};

bool is_listed_before(const store::visibility_row& a, const store::visibility_row& b) {
  return std::tuple{store::close_order(b), b.start_time, b.key}
         < std::tuple{store::close_order(a), a.start_time, a.key};
}

std::vector<std::int64_t> keys(const std::vector<store::visibility_row>& rows) {
  std::vector<std::int64_t> all;
  for (auto& r : rows)
    all.push_back(r.key);
  return all;
}

} // namespace

TEST_CASE_TEMPLATE("random queries of random rows find what matches() says, in order", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  generator random{20'240'601};
  std::vector<store::visibility_row> rows;
  for (std::int64_t key = 1; key <= 60; ++key) {
    auto t = start_of(key, w.epoch_of(key));
    t.runs[0].visibility = random.row(key);
    rows.push_back(*t.runs[0].visibility);
    REQUIRE(commit_one(*w, t) == commit_status::committed);
  }
  // Half of them written again, as an upsert or a close does.
  for (std::int64_t key = 1; key <= 60; key += 2) {
    auto t = append_to(key, 2, w.epoch_of(key));
    t.runs[0].visibility = random.row(key);
    rows[static_cast<std::size_t>(key - 1)] = *t.runs[0].visibility;
    REQUIRE(commit_one(*w, t) == commit_status::committed);
  }
  std::ranges::sort(rows, is_listed_before);
  std::size_t found = 0;
  for (int i = 0; i < 1500; ++i) {
    auto query = random.query(3);
    std::vector<std::int64_t> expected;
    for (auto& row : rows)
      if (store::matches(query, row))
        expected.push_back(row.key);
    found += expected.size();
    CAPTURE(i);
    CAPTURE(query.attribute);
    REQUIRE(keys(must(w->list(namespace_id, machine_kind::workflow, query, {}, 1000))) == expected);
    REQUIRE(must(w->count(namespace_id, machine_kind::workflow, query))
            == static_cast<std::int64_t>(expected.size()));
  }
  CHECK(found > 10'000); // the queries do find something
}

TEST_CASE_TEMPLATE("a listed row comes back whole", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  generator random{7};
  auto t = start_of(1, w.epoch_of(1));
  t.runs[0].visibility = random.row(1);
  auto& row = *t.runs[0].visibility;
  row.info = std::string{"\0\1info", 6};
  row.search_attributes = sample().search_attributes;
  row.search_attributes.push_back({"Zero", real(-0.5)});
  REQUIRE(commit_one(*w, t) == commit_status::committed);
  auto rows = must(w->list(namespace_id, machine_kind::workflow, {}, {}, 10));
  REQUIRE(rows.size() == 1);
  auto& back = rows[0];
  CHECK(back.key == row.key);
  CHECK(back.namespace_id == row.namespace_id);
  CHECK(back.workflow_id == row.workflow_id);
  CHECK(back.run_id == row.run_id);
  CHECK(back.workflow_type == row.workflow_type);
  CHECK(back.task_queue == row.task_queue);
  CHECK(back.status == row.status);
  CHECK(back.start_time == row.start_time);
  CHECK(back.execution_time == row.execution_time);
  CHECK(back.close_time == row.close_time);
  CHECK(back.history_length == row.history_length);
  CHECK(back.history_size_bytes == row.history_size_bytes);
  CHECK(back.state_transition_count == row.state_transition_count);
  CHECK(back.parent_workflow_id == row.parent_workflow_id);
  CHECK(back.root_workflow_id == row.root_workflow_id);
  CHECK(back.search_attributes == row.search_attributes);
  CHECK(back.info == row.info);
}

TEST_CASE_TEMPLATE("pages go on behind the cursor: open first, then latest close", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  generator random{99};
  std::vector<store::visibility_row> rows;
  for (std::int64_t key = 1; key <= 50; ++key) {
    auto t = start_of(key, w.epoch_of(key));
    t.runs[0].visibility = random.row(key);
    rows.push_back(*t.runs[0].visibility);
    REQUIRE(commit_one(*w, t) == commit_status::committed);
  }
  std::ranges::sort(rows, is_listed_before);
  std::vector<std::int64_t> seen;
  std::optional<store::list_cursor> cursor;
  for (int page = 0; page < 30; ++page) {
    auto next = must(w->list(namespace_id, machine_kind::workflow, {}, cursor, 7));
    if (next.empty())
      break;
    for (auto& row : next)
      seen.push_back(row.key);
    auto& last = next.back();
    cursor = {.close_time = last.close_time, .start_time = last.start_time, .key = last.key};
  }
  CHECK(seen == keys(rows));
  CHECK(must(w->list("another namespace", machine_kind::workflow, {}, {}, 10)).empty());
  CHECK(must(w->count("another namespace", machine_kind::workflow, {})) == 0);
}

TEST_CASE_TEMPLATE("counts group by a value, in the order of the values", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  for (std::int64_t key = 1; key <= 6; ++key) {
    auto t = start_of(key, w.epoch_of(key));
    auto row = listed(key, key);
    row.status = key <= 3 ? 1 : key <= 5 ? 4 : 2;
    if (key <= 4)
      row.search_attributes.push_back({"Word", keyword(key == 1 ? "x" : "y")});
    t.runs[0].visibility = row;
    REQUIRE(commit_one(*w, t) == commit_status::committed);
  }
  auto by_status = must(
    w->count_by(namespace_id, machine_kind::workflow, {}, "ExecutionStatus", value_type::integer));
  REQUIRE(by_status.size() == 3);
  CHECK(by_status[0].value.integer == 1);
  CHECK(by_status[0].count == 3);
  CHECK(by_status[1].value.integer == 2);
  CHECK(by_status[1].count == 1);
  CHECK(by_status[2].value.integer == 4);
  CHECK(by_status[2].count == 2);
  auto by_word
    = must(w->count_by(namespace_id, machine_kind::workflow, {}, "Word", value_type::keyword));
  REQUIRE(by_word.size() == 3);
  CHECK(by_word[0].value.texts.empty()); // the rows without it
  CHECK(by_word[0].count == 2);
  CHECK(by_word[1].value == keyword("x"));
  CHECK(by_word[2].value == keyword("y"));
  CHECK(by_word[2].count == 3);
  auto only = leaf(op::equal, "ExecutionStatus", value_type::integer, {integer(4)});
  CHECK(must(w->count_by(namespace_id, machine_kind::workflow, only, "ExecutionStatus",
                         value_type::integer))
          .size()
        == 1);
  auto refused = w->count_by(namespace_id, machine_kind::workflow, {}, "Note", value_type::text);
  REQUIRE(!refused);
  CHECK(refused.error().code == errc::invalid_argument);
}

TEST_CASE_TEMPLATE("large and deep queries are answered", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  for (std::int64_t key = 1; key <= 3; ++key) {
    auto t = start_of(key, w.epoch_of(key));
    t.runs[0].visibility = listed(key, key);
    t.runs[0].visibility->search_attributes.push_back({"Word", keyword(key == 1 ? "x" : "y")});
    REQUIRE(commit_one(*w, t) == commit_status::committed);
  }
  auto is_x = leaf(op::equal, "Word", value_type::keyword, {keyword("x")});
  auto is_absent = leaf(op::is_null, "Word", value_type::keyword, {});
  SUBCASE("five thousand conditions side by side") {
    for (auto what : {op::either, op::both}) {
      auto found = w->count(namespace_id, machine_kind::workflow,
                            tree(what, std::vector<filter>(5000, is_x)));
      INFO((found ? std::to_string(*found) : found.error().message));
      // Or the database is at it for longer than it may, or cannot read that much.
      CHECK((found ? *found == 1
                   : found.error().code == errc::resource_exhausted
                       || found.error().code == errc::invalid_argument));
    }
  }
  SUBCASE("two hundred levels, each of another kind than the one above it") {
    auto all = is_x;
    for (int i = 0; i < 66; ++i) {
      all = tree(op::both, {tree(op::negation, {is_absent}), std::move(all)});
      all = tree(op::either, {is_absent, std::move(all)});
      all = tree(op::negation, {std::move(all)});
    }
    CHECK(must(w->count(namespace_id, machine_kind::workflow, all)) == 1);
    auto rows = must(
      w->list(namespace_id, machine_kind::workflow, tree(op::negation, {all}), std::nullopt, 10));
    CHECK(rows.size() == 2);
    auto groups = must(w->count_by(namespace_id, machine_kind::workflow, all, "ExecutionStatus",
                                   value_type::integer));
    CHECK(groups.size() == 1);
  }
  SUBCASE("nine thousand ids in a list") {
    std::vector<search_value> ids;
    for (int i = 0; i < 9000; ++i)
      ids.push_back(keyword("workflow-" + std::to_string(i + 2)));
    auto in = leaf(op::in, "WorkflowId", value_type::keyword, std::move(ids));
    CHECK(must(w->count(namespace_id, machine_kind::workflow, in)) == 2);
    CHECK(must(w->count(namespace_id, machine_kind::workflow, tree(op::negation, {in}))) == 1);
  }
}
