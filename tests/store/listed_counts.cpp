// Counts by status and type, and rows by the values of their attributes, are kept by the commits
// that write rows: whatever those do, both say what the rows say.
#include "store/sql/listed_counts.hpp"

#include "store/columns.hpp"
#include "store/sql/value_index.hpp"
#include "store/value_counts.hpp"
#include "tests/store/backends.hpp"

#include <algorithm>
#include <map>

using namespace reprise;
using namespace reprise::test;
using store::commit_status;
using store::filter;
using store::search_value;
using store::value_type;
using op = store::filter::op;

namespace {

filter leaf(op what, std::string attribute, value_type type, std::vector<search_value> values) {
  return {
    .what = what, .attribute = std::move(attribute), .type = type, .values = std::move(values)};
}

filter both(std::vector<filter> children) {
  return {.what = op::both, .children = std::move(children)};
}

filter no_division() {
  return leaf(op::is_null, "TemporalNamespaceDivision", value_type::keyword, {});
}

search_value keyword(std::string text) {
  return {.type = value_type::keyword, .texts = {std::move(text)}};
}

search_value integer(std::int64_t n) {
  return {.type = value_type::integer, .integer = n};
}

class dice {
public:
  explicit dice(std::uint64_t seed) : state_(seed) {
  }

  std::int64_t below(std::int64_t n) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::int64_t>((state_ >> 11) % static_cast<std::uint64_t>(n));
  }

private:
  std::uint64_t state_;
};

store::visibility_row random_row(dice& d, std::int64_t key) {
  auto row = listed(key, d.below(5));
  row.workflow_type = d.below(2) == 0 ? "one" : "two";
  row.status = static_cast<int>(1 + d.below(3));
  if (row.status != 1)
    row.close_time = at(10 + d.below(3));
  if (d.below(4) == 0)
    row.parent_workflow_id = "parent-" + std::to_string(d.below(2));
  if (d.below(2) == 0)
    row.search_attributes.push_back({"Color", keyword(d.below(2) == 0 ? "red" : "blue")});
  if (d.below(3) == 0)
    row.search_attributes.push_back(
      {"List", {.type = value_type::keyword_list, .texts = {"a", d.below(2) == 0 ? "a" : "b"}}});
  if (d.below(8) == 0)
    row.search_attributes.push_back({"TemporalNamespaceDivision", keyword("own")});
  return row;
}

/// A store and what it should hold.
template <class Backend>
struct mirror {
  world<Backend> w{};
  std::map<std::int64_t, store::visibility_row> rows{};
  std::map<std::int64_t, std::uint64_t> last_seq{};
  dice d{77};
  std::int64_t next_key = 1;

  /// A group of some starts, rewrites and deletions, a bad member among them.
  void write() {
    std::vector<store::transition> group;
    auto now = rows;
    for (auto n = 1 + d.below(6); n > 0; --n) {
      auto what = d.below(4);
      if (what == 0 || now.empty()) {
        auto key = next_key++;
        group.push_back(start_of(key, w.epoch_of(key)));
        group.back().runs[0].visibility = now[key] = random_row(d, key);
        last_seq[key] = 1;
        continue;
      }
      auto entry = std::next(now.begin(), d.below(static_cast<std::int64_t>(now.size())));
      auto key = entry->first;
      if (what == 1) {
        group.push_back(erase_of(key, w.epoch_of(key)));
        group.back().runs[0].head.last_seq = last_seq[key];
        now.erase(entry);
        continue;
      }
      group.push_back(append_to(key, ++last_seq[key], w.epoch_of(key)));
      group.back().runs[0].visibility = now[key] = random_row(d, key);
    }
    std::vector<commit_status> expected(group.size(), commit_status::committed);
    if (!rows.empty() && d.below(3) == 0) {
      // Its key is taken, which only the table sees.
      auto bad = start_of(rows.begin()->first, w.epoch_of(rows.begin()->first));
      bad.currents.clear();
      bad.runs[0].head.run_id = "another run";
      bad.runs[0].visibility = random_row(d, rows.begin()->first);
      group.insert(group.begin(), std::move(bad));
      expected.insert(expected.begin(), commit_status::already_exists);
    }
    REQUIRE(w->commit(group) == expected);
    rows = std::move(now);
  }

  std::int64_t right(const filter& f) const {
    return std::ranges::count_if(rows,
                                 [&](auto& entry) { return store::matches(f, entry.second); });
  }

  void check(const filter& f) {
    CAPTURE(f.attribute);
    REQUIRE(must(w->count(namespace_id, machine_kind::workflow, f)) == right(f));
    for (const auto& [attribute, type] : {std::pair{"ExecutionStatus", value_type::integer},
                                          std::pair{"WorkflowType", value_type::keyword},
                                          std::pair{"Color", value_type::keyword}}) {
      store::value_counts counts;
      for (const auto& [key, row] : rows)
        if (store::matches(f, row))
          counts.add(store::value_of(row, attribute, type), 1);
      auto expected = must(std::move(counts).sorted());
      auto got = must(w->count_by(namespace_id, machine_kind::workflow, f, attribute, type));
      REQUIRE(got.size() == expected.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        CHECK(got[i].value == expected[i].value);
        CHECK(got[i].count == expected[i].count);
      }
    }
  }

  void check_pages(const filter& f) {
    std::vector<store::visibility_row> expected;
    for (const auto& [key, row] : rows)
      if (store::matches(f, row))
        expected.push_back(row);
    std::ranges::sort(expected, std::greater{}, [](auto& row) {
      return std::tuple{store::close_order(row), row.start_time, row.key};
    });
    std::vector<std::int64_t> seen;
    std::optional<store::list_cursor> behind;
    for (;;) {
      auto page = must(w->list(namespace_id, machine_kind::workflow, f, behind, 3));
      for (auto& row : page)
        seen.push_back(row.key);
      if (page.size() < 3)
        break;
      auto& last = page.back();
      behind = {.close_time = last.close_time, .start_time = last.start_time, .key = last.key};
    }
    REQUIRE(seen.size() == expected.size());
    for (std::size_t i = 0; i < seen.size(); ++i)
      CHECK(seen[i] == expected[i].key);
  }

  void check_all() {
    auto red = leaf(op::equal, "Color", value_type::keyword, {keyword("red")});
    auto colors = leaf(op::in, "Color", value_type::keyword,
                       {keyword("red"), keyword("blue"), keyword("red")});
    auto running = leaf(op::equal, "ExecutionStatus", value_type::integer, {integer(1)});
    auto two = leaf(op::equal, "WorkflowType", value_type::keyword, {keyword("two")});
    auto list = leaf(op::equal, "List", value_type::keyword_list, {keyword("a")});
    auto lists = leaf(op::in, "List", value_type::keyword_list, {keyword("a"), keyword("b")});
    auto child = leaf(op::equal, "ParentWorkflowId", value_type::keyword, {keyword("parent-1")});
    check(no_division());
    check(both({running, no_division()}));
    check(both({both({two, {.what = op::negation, .children = {running}}}), no_division()}));
    check({});
    check(running);
    for (const auto& f : {red, colors, list, lists, child}) {
      check(both({f, no_division()}));
      check_pages(both({f, no_division()}));
      check_pages(f);
      check_pages(both({both({f, running}), no_division()}));
    }
    check_pages(no_division());
  }
};

} // namespace

TEST_CASE_TEMPLATE("counts and values follow every write, and what is refused leaves no trace",
                   Backend, REPRISE_BACKENDS) {
  mirror<Backend> m;
  if (!m.w.available())
    return;
  for (int round = 0; round < 12; ++round) {
    for (int i = 0; i < 6; ++i)
      m.write();
    m.check_all();
  }
  REQUIRE(m.rows.size() > 5);
  if (Backend::is_durable) {
    m.w.reopen();
    m.check_all();
  }
}

TEST_CASE("counts answer what asks for type and status of runs without a division, nothing else") {
  auto running = leaf(op::equal, "ExecutionStatus", value_type::integer, {integer(1)});
  auto red = leaf(op::equal, "Color", value_type::keyword, {keyword("red")});
  using store::sql::is_in_counts;
  CHECK(is_in_counts(no_division(), ""));
  CHECK(is_in_counts(no_division(), "ExecutionStatus"));
  CHECK(is_in_counts(both({running, no_division()}), "WorkflowType"));
  CHECK_FALSE(is_in_counts(running, ""));
  CHECK_FALSE(is_in_counts({}, ""));
  CHECK_FALSE(is_in_counts(no_division(), "Color"));
  CHECK_FALSE(is_in_counts(both({red, no_division()}), ""));
  CHECK_FALSE(is_in_counts({.what = op::either, .children = {running, no_division()}}, ""));
}

TEST_CASE("a value finds its entry in whatever form a query has it") {
  using store::sql::probes_of;
  auto row = listed(1, 1);
  row.search_attributes = {{"Age", integer(7)},
                           {"BuildIds", {.type = value_type::keyword_list, .texts = {"b"}}},
                           {"Note", {.type = value_type::text, .texts = {"Quick fox"}}},
                           {"Weight", {.type = value_type::real, .real = 7}},
                           {"Zero", {.type = value_type::real, .real = -0.0}}};
  auto entries = store::sql::value_hashes(row);
  CHECK(entries.size() == 5);
  auto finds = [&](const filter& f) {
    auto probes = probes_of(namespace_id, machine_kind::workflow, f);
    REQUIRE(probes.size() == 1);
    return std::ranges::any_of(
      probes[0].hashes, [&](auto hash) { return std::ranges::binary_search(entries, hash); });
  };
  auto real = [](double r) { return search_value{.type = value_type::real, .real = r}; };
  CHECK(finds(leaf(op::equal, "Age", value_type::integer, {integer(7)})));
  CHECK(finds(leaf(op::equal, "Age", value_type::integer, {real(7)})));
  CHECK_FALSE(finds(leaf(op::equal, "Age", value_type::integer, {integer(8)})));
  CHECK(finds(leaf(op::equal, "Weight", value_type::real, {integer(7)})));
  CHECK(finds(leaf(op::equal, "Zero", value_type::real, {real(0)})));
  CHECK(finds(leaf(op::equal, "Note", value_type::text, {keyword("no FOX")})));
  CHECK(finds(leaf(op::in, "Age", value_type::integer, {integer(1), integer(7)})));
  // What may match without an entry is not looked for by one.
  auto none = [&](const filter& f) {
    return probes_of(namespace_id, machine_kind::workflow, f).empty();
  };
  CHECK(none(leaf(op::equal, "BuildIds", value_type::keyword_list, {keyword("b")})));
  CHECK(none(leaf(op::equal, "Age", value_type::integer, {real(7.5)})));
  CHECK(none(leaf(op::equal, "Age", value_type::integer, {keyword("7")})));
  CHECK(none(leaf(op::not_equal, "Age", value_type::integer, {integer(7)})));
  CHECK(none(
    {.what = op::either, .children = {leaf(op::equal, "Age", value_type::integer, {integer(7)})}}));
  CHECK(none(both({leaf(op::equal, "WorkflowId", value_type::keyword, {keyword("w")}),
                   leaf(op::equal, "Age", value_type::integer, {integer(7)})})));
}
