#include "store/mysql/literal.hpp"
#include "store/mysql/mysql_store.hpp"
#include "store/sql/attribute_codec.hpp"
#include "store/sql/listed_counts.hpp"
#include "store/sql/pages.hpp"
#include "store/sql/value_index.hpp"
#include "store/value_counts.hpp"

#include <algorithm>

namespace reprise::store::mysql {

namespace {

constexpr auto visibility_columns
  = "v.run_key, v.close_order, v.start_time, v.execution_time, v.status, v.history_length, "
    "v.history_size_bytes, v.state_transitions, v.namespace_id, v.workflow_id, v.run_id, "
    "v.workflow_type, v.task_queue, v.parent_workflow_id, v.parent_run_id, v.root_workflow_id, "
    "v.root_run_id, v.attributes, v.info, v.kind";

/// Nothing when the stored attributes cannot be read.
std::optional<visibility_row> read_visibility(const rows& r) {
  auto attributes = sql::decode_attributes(r.text(18));
  if (!attributes)
    return std::nullopt;
  visibility_row row{.key = r.integer(1),
                     .namespace_id = r.text(9),
                     .kind = static_cast<machine_kind>(r.integer(20)),
                     .workflow_id = r.text(10),
                     .run_id = r.text(11),
                     .workflow_type = r.text(12),
                     .task_queue = r.text(13),
                     .status = static_cast<int>(r.integer(5)),
                     .start_time = from_nanoseconds(r.integer(3)),
                     .execution_time = from_nanoseconds(r.integer(4)),
                     .history_length = r.integer(6),
                     .history_size_bytes = r.integer(7),
                     .state_transition_count = r.integer(8),
                     .parent_workflow_id = r.text(14),
                     .parent_run_id = r.text(15),
                     .root_workflow_id = r.text(16),
                     .root_run_id = r.text(17),
                     .search_attributes = std::move(*attributes),
                     .info = r.text(19)};
  if (r.integer(2) != open_run_order)
    row.close_time = from_nanoseconds(r.integer(2));
  return row;
}

/// Longer ones could exhaust the server's parser.
constexpr std::size_t query_bytes_max = std::size_t{8} << 20;

std::optional<error> refuse_query(const std::string& text) {
  if (text.size() <= query_bytes_max)
    return std::nullopt;
  return make_error(errc::invalid_argument, "The query is too complex.");
}

result<std::vector<visibility_row>> read_page(connection& db, const std::string& text) {
  if (auto bad = refuse_query(text))
    return *bad;
  std::vector<visibility_row> page;
  auto found = db.query(text);
  while (found.next()) {
    auto row = read_visibility(found);
    if (!row)
      return make_error(errc::data_loss, "The search attributes of a row cannot be read.");
    page.push_back(std::move(*row));
  }
  return page;
}

std::string listed_as(const std::string& namespace_id, machine_kind kind) {
  return fill("v.namespace_id = ? AND v.kind = ? AND ", namespace_id, static_cast<int>(kind));
}

std::string list_of(const std::vector<std::int64_t>& hashes) {
  std::string out = "(";
  for (auto hash : hashes)
    out += (out.size() == 1 ? "" : ",") + std::to_string(hash);
  return out + ")";
}

/// The number of rows of each, as far as it matters, in one answer.
std::vector<std::pair<sql::probe, std::int64_t>> counted(connection& db,
                                                         std::vector<sql::probe> probes) {
  std::vector<std::pair<sql::probe, std::int64_t>> out;
  std::string text;
  for (const auto& probe : probes)
    text += std::string{text.empty() ? "SELECT " : ", "}
            + "(SELECT COUNT(*) FROM (SELECT 1 FROM attributes WHERE value_hash IN "
            + list_of(probe.hashes) + fill(" LIMIT ?) p", sql::few_rows + 1) + ")";
  if (text.empty())
    return out;
  auto found = db.query(text);
  found.next();
  for (unsigned i = 0; i < probes.size(); ++i)
    out.emplace_back(std::move(probes[i]), found.integer(i + 1));
  return out;
}

sql::row_source source_of(connection& db, const std::string& namespace_id, machine_kind kind,
                          const filter& query) {
  sql::row_source from{.tables = "visibility v",
                       .where = listed_as(namespace_id, kind)
                                + fill(sql::compile(namespace_id, kind, query)),
                       .in_order = "v.",
                       .is_open_only = sql::asks_for_open_only(kind, query)};
  auto probes = counted(db, sql::probes_of(namespace_id, kind, query));
  if (const auto* best = sql::best_probe(probes); best != nullptr && best->hashes.size() == 1) {
    from.tables = "attributes i FORCE INDEX (attributes_by_value) STRAIGHT_JOIN visibility v "
                  "ON v.run_key = i.run_key";
    from.where = fill("i.value_hash = ? AND ", best->hashes.front()) + from.where;
    from.in_order = "i.";
  } else if (best != nullptr) {
    from.tables = "(SELECT DISTINCT run_key FROM attributes WHERE value_hash IN "
                  + list_of(best->hashes)
                  + ") i STRAIGHT_JOIN visibility v ON v.run_key = i.run_key";
  }
  if (from.is_open_only)
    from.where += " AND " + from.in_order + fill("close_order = ?", open_run_order);
  return from;
}

std::string list_text(const sql::row_source& from, const std::optional<list_cursor>& behind,
                      std::size_t limit) {
  auto rows = std::uint64_t{std::min(limit, std::size_t{1} << 31)};
  auto head = std::string{"SELECT "} + visibility_columns + " FROM ";
  auto tail = fill(" LIMIT ?", rows);
  if (!behind)
    return head + from.tables + " WHERE " + from.where + sql::order_of_lists(from.in_order) + tail;
  return head + "(" + sql::keys_behind(from, *behind, rows)
         + ") p STRAIGHT_JOIN visibility v ON v.run_key = p.place" + sql::order_behind(*behind)
         + tail;
}

/// Of a query that the counts answer: what they say.
sql::counts_reader read_counts(connection& db, const std::string& namespace_id, machine_kind kind,
                               const filter& query) {
  sql::counts_reader counts{query};
  auto found = db.query(fill("SELECT workflow_type, status, CAST(SUM(runs) AS SIGNED) "
                             "FROM listed_counts WHERE namespace_id = ? AND kind = ? "
                             "GROUP BY workflow_type, status",
                             namespace_id, static_cast<int>(kind)));
  while (found.next())
    counts.add(found.text(1), static_cast<int>(found.integer(2)), found.integer(3));
  return counts;
}

search_value value_from(const rows& r, unsigned column, value_type type) {
  if (r.is_null(column))
    return {};
  switch (type) {
    case value_type::keyword:
    case value_type::text:
    case value_type::keyword_list:
      return {.type = type, .texts = {r.text(column)}};
    case value_type::real:
      return {.type = type, .real = r.real(column)};
    default:
      return {.type = type, .integer = r.integer(column)};
  }
}

} // namespace

result<std::vector<visibility_row>>
mysql_store::list(const std::string& namespace_id, machine_kind kind, const filter& query,
                  const std::optional<list_cursor>& behind, std::size_t limit) {
  return scanning([&](connection& db) -> result<std::vector<visibility_row>> {
    auto from = source_of(db, namespace_id, kind, query);
    // Behind a run that closed lies none that is open.
    if (from.is_open_only && behind && behind->close_time)
      return std::vector<visibility_row>{};
    return read_page(db, list_text(from, behind, limit));
  });
}

result<time_point> mysql_store::latest_close(const std::string& namespace_id, machine_kind kind) {
  return reading([&](connection& db) -> result<time_point> {
    auto found
      = db.query("SELECT v.close_order FROM visibility v WHERE " + listed_as(namespace_id, kind)
                 + fill("v.close_order < ? ORDER BY v.close_order DESC LIMIT 1", open_run_order));
    return found.next() ? from_nanoseconds(found.integer(1)) : time_point::min();
  });
}

result<std::vector<visibility_row>>
mysql_store::list_sorted(const std::string& namespace_id, machine_kind kind, const filter& query,
                         std::span<const sort_key> order, const std::optional<sorted_place>& behind,
                         std::size_t limit) {
  if (auto bad = refuse_sorting(order))
    return *bad;
  return scanning([&](connection& db) -> result<std::vector<visibility_row>> {
    auto from = source_of(db, namespace_id, kind, query);
    // Sorted are keys; of what is answered the rows are read then.
    auto text = std::string{"SELECT "} + visibility_columns + " FROM (SELECT v.run_key AS place"
                + fill(sql::compile_sort_values(order)) + " FROM " + from.tables + " WHERE "
                + from.where;
    if (behind)
      text += " AND " + fill(sql::compile_behind(order, *behind));
    text += " ORDER BY " + sql::sort_terms(order, "")
            + fill(" LIMIT ?", std::uint64_t{std::min(limit, std::size_t{1} << 31)})
            + ") p STRAIGHT_JOIN visibility v ON v.run_key = p.place ORDER BY "
            + sql::sort_terms(order, "p.");
    return read_page(db, text);
  });
}

result<std::int64_t> mysql_store::count(const std::string& namespace_id, machine_kind kind,
                                        const filter& query) {
  return scanning([&](connection& db) -> result<std::int64_t> {
    if (sql::is_in_counts(query, ""))
      return read_counts(db, namespace_id, kind, query).total();
    auto from = source_of(db, namespace_id, kind, query);
    auto text = "SELECT COUNT(*) FROM " + from.tables + " WHERE " + from.where;
    if (auto bad = refuse_query(text))
      return *bad;
    auto count = db.query(text);
    return count.next() ? count.integer(1) : 0;
  });
}

result<std::vector<group_count>>
mysql_store::count_by(const std::string& namespace_id, machine_kind kind, const filter& query,
                      const std::string& attribute, value_type type) {
  if (auto bad = refuse_grouping(attribute, type))
    return *bad;
  return scanning([&](connection& db) -> result<std::vector<group_count>> {
    if (sql::is_in_counts(query, attribute))
      return read_counts(db, namespace_id, kind, query).groups(attribute, type);
    auto groups = sql::compile_grouping(attribute, type);
    auto from = source_of(db, namespace_id, kind, query);
    auto text = "SELECT " + fill(groups.value) + " AS value, "
                + (groups.join.text.empty() ? "COUNT(*)" : "COUNT(DISTINCT v.run_key)") + " FROM "
                + from.tables + fill(groups.join) + " WHERE " + from.where
                + " GROUP BY value LIMIT " + std::to_string(groups_max + 1);
    if (auto bad = refuse_query(text))
      return *bad;
    value_counts counts;
    auto found = db.query(text);
    while (found.next())
      counts.add(value_from(found, 1, type), found.integer(2));
    return std::move(counts).sorted();
  });
}

// -- namespaces and the cluster's facts ----------------------------------------------------------

namespace {

/// By it others see that they have to read anew.
void raise_registry(connection& db) {
  db.execute("UPDATE registry SET version = version + 1 WHERE id = 1");
}

} // namespace

result<void> mysql_store::create_namespace(const namespace_row& row) {
  return writing(control_, [&](connection& db) -> result<void> {
    auto added = db.update(fill("INSERT IGNORE INTO namespaces(id, name, version, record) "
                                "VALUES(?, ?, ?, ?)",
                                row.id, row.name, row.version, row.record));
    if (added == 0)
      return make_error(errc::already_exists, "Namespace already exists.");
    raise_registry(db);
    return {};
  });
}

result<void> mysql_store::update_namespace(const namespace_row& row) {
  return writing(control_, [&](connection& db) -> result<void> {
    auto taken = db.query(
      fill("SELECT 1 FROM namespaces WHERE name = ? AND id <> ? FOR UPDATE", row.name, row.id));
    if (taken.next())
      return make_error(errc::already_exists, "Namespace already exists.");
    auto changed = db.update(fill("UPDATE namespaces SET name = ?, version = ?, record = ? "
                                  "WHERE id = ? AND version = ?",
                                  row.name, row.version, row.record, row.id, row.version - 1));
    if (changed == 0)
      return make_error(errc::aborted, "The namespace was updated by someone else meanwhile.");
    raise_registry(db);
    return {};
  });
}

result<std::vector<namespace_row>> mysql_store::namespaces() {
  return reading([&](connection& db) -> result<std::vector<namespace_row>> {
    auto found = db.query("SELECT id, name, version, record FROM namespaces ORDER BY id");
    std::vector<namespace_row> all;
    while (found.next())
      all.push_back({.id = found.text(1),
                     .name = found.text(2),
                     .version = found.integer(3),
                     .record = found.text(4)});
    return all;
  });
}

result<void> mysql_store::erase_namespace(const std::string& id) {
  return writing(control_, [&](connection& db) -> result<void> {
    db.execute(fill("DELETE FROM listed_counts WHERE namespace_id = ?", id));
    db.execute(fill("DELETE FROM namespaces WHERE id = ?", id));
    raise_registry(db);
    return {};
  });
}

result<std::string> mysql_store::cluster_fact(const std::string& name, const std::string& value) {
  return writing(control_, [&](connection& db) -> result<std::string> {
    db.execute(fill("INSERT IGNORE INTO cluster_facts(name, value) VALUES(?, ?)", name, value));
    auto found = db.query(fill("SELECT value FROM cluster_facts WHERE name = ?", name));
    return found.next() ? found.text(1) : value;
  });
}

result<void> mysql_store::check() {
  return writing(control_, [&](connection& db) -> result<void> {
    db.execute("UPDATE health SET checks = checks + 1 WHERE id = 1");
    return {};
  });
}

std::string mysql_store::kind() const {
  return "mysql";
}

} // namespace reprise::store::mysql
