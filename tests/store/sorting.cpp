// Lists in an order of the caller's, and counts by any attribute: every backend says what the rows
// themselves say.
#include "store/columns.hpp"
#include "store/value_counts.hpp"
#include "tests/store/backends.hpp"

#include <algorithm>
#include <map>

using namespace reprise;
using namespace reprise::test;
using store::commit_status;
using store::sort_key;
using store::value_type;

namespace {

const std::vector<std::pair<std::string, value_type>>& attributes() {
  static const std::vector<std::pair<std::string, value_type>> all{
    {"Bool", value_type::boolean},
    {"Date", value_type::datetime},
    {"Int", value_type::integer},
    {"List", value_type::keyword_list},
    {"Real", value_type::real},
    {"Word", value_type::keyword},
    {"CloseTime", value_type::datetime},
    {"ExecutionStatus", value_type::integer},
    {"HistoryLength", value_type::integer},
    {"ParentWorkflowId", value_type::keyword},
    {"RunId", value_type::keyword},
    {"StartTime", value_type::datetime},
    {"WorkflowType", value_type::keyword}};
  return all;
}

/// Few values, so that rows are often equal in them, and many are missing.
store::visibility_row row_of(std::int64_t key) {
  auto row = listed(key, key % 5);
  row.workflow_type = key % 3 == 0 ? "a" : "B";
  row.status = static_cast<int>(key % 4) + 1;
  if (key % 2 == 0)
    row.close_time = at(key % 7);
  row.history_length = key % 6;
  row.parent_workflow_id = key % 5 == 0 ? "parent" : "";
  auto add = [&](bool has, const char* name, store::search_value value) {
    if (has)
      row.search_attributes.push_back({name, std::move(value)});
  };
  add(key % 3 == 0, "Bool", {.type = value_type::boolean, .integer = key % 2});
  add(key % 4 == 0, "Date", {.type = value_type::datetime, .integer = key * 1'000'000'000});
  add(key % 2 == 0, "Int", {.type = value_type::integer, .integer = 5 - key % 9});
  add(key % 3 == 1, "List",
      {.type = value_type::keyword_list,
       .texts = {"m" + std::to_string(key % 4), "z", "a" + std::to_string(key % 3), "z"}});
  add(key % 5 == 1, "Real", {.type = value_type::real, .real = 0.1 * static_cast<double>(key % 4)});
  add(key % 2 == 1, "Word",
      {.texts = {key % 6 == 1 ? "" : std::string(1200, 'w') + std::to_string(key % 8)}});
  return row;
}

constexpr std::int64_t rows_made = 90;

template <class World>
std::vector<store::visibility_row> fill(World& w) {
  std::vector<store::visibility_row> rows;
  for (std::int64_t key = 1; key <= rows_made; ++key) {
    auto t = start_of(key, w.epoch_of(key));
    t.runs[0].visibility = row_of(key);
    rows.push_back(*t.runs[0].visibility);
    REQUIRE(commit_one(*w, t) == commit_status::committed);
  }
  return rows;
}

} // namespace

TEST_CASE_TEMPLATE("pages in any order give every row once, those without a value last", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  auto rows = fill(w);
  for (std::size_t i = 0; i < attributes().size(); ++i)
    for (int way = 0; way < 4; ++way) {
      const auto& [name, type] = attributes()[i];
      const auto& [second, second_type] = attributes()[(i * 7 + 3) % attributes().size()];
      std::vector<sort_key> order{{.attribute = name, .type = type, .is_descending = way % 2 == 1}};
      if (way >= 2)
        order.push_back({.attribute = second, .type = second_type, .is_descending = way == 2});
      CAPTURE(name);
      CAPTURE(way);
      std::ranges::sort(rows, [&](auto& a, auto& b) {
        return store::is_sorted_before(store::sorted_place_of(a, order),
                                       store::sorted_place_of(b, order), order);
      });
      std::vector<std::int64_t> expected;
      for (auto& row : rows)
        expected.push_back(row.key);
      std::vector<std::int64_t> seen;
      std::optional<store::sorted_place> behind;
      for (;;) {
        auto page
          = must(w->list_sorted(namespace_id, machine_kind::workflow, {}, order, behind, 7));
        if (page.empty())
          break;
        for (auto& row : page)
          seen.push_back(row.key);
        behind = store::sorted_place_of(page.back(), order);
        REQUIRE(seen.size() <= expected.size());
      }
      REQUIRE(seen == expected);
    }
}

TEST_CASE("ascending or descending, rows without the value come last") {
  for (auto down : {false, true}) {
    std::vector<sort_key> order{
      {.attribute = "Int", .type = value_type::integer, .is_descending = down}};
    auto less = listed(1, 1);
    less.search_attributes = {{"Int", {.type = value_type::integer, .integer = -1}}};
    auto more = listed(2, 1);
    more.search_attributes = {{"Int", {.type = value_type::integer, .integer = 7}}};
    auto none = listed(3, 1);
    auto before = [&](const store::visibility_row& a, const store::visibility_row& b) {
      return store::is_sorted_before(store::sorted_place_of(a, order),
                                     store::sorted_place_of(b, order), order);
    };
    CHECK(before(less, more) == !down);
    CHECK(before(more, less) == down);
    CHECK(before(less, none));
    CHECK(before(more, none));
    CHECK_FALSE(before(none, less));
    CHECK_FALSE(before(none, none));
  }
}

TEST_CASE_TEMPLATE("a sorted list has the rows that its query finds, of its kind and namespace",
                   Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  fill(w);
  std::vector<sort_key> order{{.attribute = "Int", .type = value_type::integer}};
  store::filter f{.what = store::filter::op::equal,
                  .attribute = "Word",
                  .type = value_type::keyword,
                  .values = {{.texts = {""}}}};
  auto found = must(w->list_sorted(namespace_id, machine_kind::workflow, f, order, {}, 1000));
  CHECK(static_cast<std::int64_t>(found.size())
        == must(w->count(namespace_id, machine_kind::workflow, f)));
  CHECK(!found.empty());
  CHECK(must(w->list_sorted("another", machine_kind::workflow, {}, order, {}, 10)).empty());
  std::vector<sort_key> by_text{{.attribute = "Note", .type = value_type::text}};
  auto refused = w->list_sorted(namespace_id, machine_kind::workflow, {}, by_text, {}, 10);
  REQUIRE(!refused);
  CHECK(refused.error().code == errc::invalid_argument);
}

TEST_CASE_TEMPLATE("counts by any attribute are those of the rows", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  auto rows = fill(w);
  for (const auto& [name, type] : attributes()) {
    CAPTURE(name);
    store::value_counts expected;
    for (auto& row : rows)
      for (auto& value : store::values_of(row, name, type))
        expected.add(std::move(value), 1);
    auto right = must(std::move(expected).sorted());
    auto counted = must(w->count_by(namespace_id, machine_kind::workflow, {}, name, type));
    REQUIRE(counted.size() == right.size());
    for (std::size_t i = 0; i < right.size(); ++i) {
      CHECK(counted[i].value == right[i].value);
      CHECK(counted[i].count == right[i].count);
    }
  }
}

TEST_CASE("more groups than anybody reads are refused") {
  store::value_counts counts;
  for (std::size_t i = 0; i <= store::groups_max; ++i)
    counts.add({.type = value_type::integer, .integer = static_cast<std::int64_t>(i)}, 1);
  auto refused = std::move(counts).sorted();
  REQUIRE(!refused);
  CHECK(refused.error().code == errc::invalid_argument);
}
