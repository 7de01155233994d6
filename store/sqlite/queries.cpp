#include "store/columns.hpp"
#include "store/sql/listed_counts.hpp"
#include "store/sql/pages.hpp"
#include "store/sql/value_index.hpp"
#include "store/sqlite/match_function.hpp"
#include "store/sqlite/sqlite_store.hpp"
#include "store/sqlite/visibility_table.hpp"
#include "store/value_counts.hpp"

#include <algorithm>

namespace reprise::store::sqlite {

namespace {

void bind_all(statement& s, const sql::condition& condition) {
  for (auto& p : condition.parameters)
    s.bind_parameter(p);
}

/// Where the rows of a query are looked for, and which of them it means.
class source {
public:
  source(database& db, const std::string& namespace_id, machine_kind kind, const filter& query)
    : namespace_id_(namespace_id), kind_(kind), query_(query), whole_(is_beyond_sql(query)) {
    if (whole_)
      compiled_.text = "matches_filter(?, v.run_key)";
    else
      compiled_ = sql::compile(namespace_id, kind, query);
    choose_probe(db);
    // The words say in which order, which SQLite might think better of.
    if (probe_.size() == 1)
      text_.tables = "attribute_values i CROSS JOIN visibility v ON v.run_key = i.run_key";
    else if (probe_.empty())
      text_.tables = "visibility v";
    else
      text_.tables = "(SELECT DISTINCT run_key FROM attribute_values WHERE value_hash IN ("
                     + marks(probe_.size())
                     + ")) i CROSS JOIN visibility v ON v.run_key = i.run_key";
    text_.in_order = probe_.size() == 1 ? "i." : "v.";
    text_.is_open_only = sql::asks_for_open_only(kind, query);
    text_.where = std::string{probe_.size() == 1 ? "i.value_hash = ? AND " : ""}
                  + "v.namespace_id = ? AND v.kind = ? AND " + compiled_.text;
    if (text_.is_open_only)
      text_.where += " AND " + text_.in_order + "close_order = " + std::to_string(open_run_order);
  }

  const sql::row_source& text() const noexcept {
    return text_;
  }

  /// What is in the tables, and then, with what stands between, what is in the condition.
  void bind_tables(statement& s) const {
    if (probe_.size() > 1)
      bind_hashes(s);
  }

  void bind_where(statement& s) const {
    if (probe_.size() == 1)
      bind_hashes(s);
    s.bind(namespace_id_).bind(static_cast<std::int64_t>(kind_));
    if (whole_)
      bind_filter(s, query_);
    bind_all(s, compiled_);
  }

private:
  static std::string marks(std::size_t count) {
    std::string out = "?";
    for (std::size_t n = 1; n < count; ++n)
      out += ",?";
    return out;
  }

  void bind_hashes(statement& s) const {
    for (auto hash : probe_)
      s.bind(hash);
  }

  void choose_probe(database& db) {
    std::vector<std::pair<sql::probe, std::int64_t>> counted;
    for (auto& probe : sql::probes_of(namespace_id_, kind_, query_)) {
      auto s = db.prepare("SELECT count(*) FROM (SELECT 1 FROM attribute_values WHERE value_hash "
                          "IN ("
                          + marks(probe.hashes.size()) + ") LIMIT ?)");
      for (auto hash : probe.hashes)
        s.bind(hash);
      s.bind(sql::few_rows + 1).step();
      counted.emplace_back(std::move(probe), s.integer(0));
    }
    if (const auto* best = sql::best_probe(counted))
      probe_ = best->hashes;
  }

  const std::string& namespace_id_;
  const machine_kind kind_;
  const filter& query_;
  bool whole_;
  sql::condition compiled_{};
  std::vector<std::int64_t> probe_{};
  sql::row_source text_{};
};

/// Of a query that the counts answer: what they say.
sql::counts_reader read_counts(database& db, const std::string& namespace_id, machine_kind kind,
                               const filter& query) {
  sql::counts_reader counts{query};
  running s{db.prepared("SELECT workflow_type, status, runs FROM listed_counts "
                        "WHERE namespace_id = ? AND kind = ?")};
  s->bind(namespace_id).bind(static_cast<std::int64_t>(kind));
  while (s->step())
    counts.add(s->string(0), static_cast<int>(s->integer(1)), s->integer(2));
  return counts;
}

/// A query that SQLite cannot prepare is too long for it; nothing else is wrong.
std::optional<statement> prepare_query(database& db, const std::string& text) {
  try {
    return db.prepare(text);
  } catch (const failure& f) {
    if (f.primary_code() == SQLITE_ERROR || f.primary_code() == SQLITE_TOOBIG)
      return std::nullopt;
    throw;
  }
}

error too_complex() {
  return make_error(errc::invalid_argument, "The query is too complex.");
}

search_value value_from(const statement& s, int column, value_type type) {
  if (s.is_null(column))
    return {};
  switch (type) {
    case value_type::keyword:
    case value_type::text:
    case value_type::keyword_list:
      return {.type = type, .texts = {s.string(column)}};
    case value_type::real:
      return {.type = type, .real = s.real(column)};
    default:
      return {.type = type, .integer = s.integer(column)};
  }
}

} // namespace

result<std::vector<visibility_row>>
sqlite_store::list(const std::string& namespace_id, machine_kind kind, const filter& query,
                   const std::optional<list_cursor>& behind, std::size_t limit) {
  return scanning([&](database& db) -> result<std::vector<visibility_row>> {
    source from{db, namespace_id, kind, query};
    const auto& text = from.text();
    // Behind a run that closed lies none that is open.
    if (text.is_open_only && behind && behind->close_time)
      return std::vector<visibility_row>{};
    auto rows_max = std::uint64_t{std::min(limit, std::size_t{1} << 31)};
    auto head = std::string{"SELECT "} + visibility_columns + " FROM ";
    auto tail = " LIMIT " + std::to_string(rows_max);
    auto s = behind ? prepare_query(db, head + "(" + sql::keys_behind(text, *behind, rows_max)
                                          + ") p CROSS JOIN visibility v ON v.run_key = p.place"
                                          + sql::order_behind(*behind) + tail)
                    : prepare_query(db, head + text.tables + " WHERE " + text.where
                                          + sql::order_of_lists(text.in_order) + tail);
    if (!s)
      return too_complex();
    for (int part = behind ? sql::parts_behind(text, *behind) : 1; part > 0; --part) {
      from.bind_tables(*s);
      from.bind_where(*s);
    }
    std::vector<visibility_row> rows;
    while (s->step())
      rows.push_back(read_visibility(*s));
    return rows;
  });
}

result<time_point> sqlite_store::latest_close(const std::string& namespace_id, machine_kind kind) {
  return reading([&](database& db) -> result<time_point> {
    running s{db.prepared("SELECT close_order FROM visibility WHERE namespace_id = ? AND kind = ? "
                          "AND close_order < ? ORDER BY close_order DESC LIMIT 1")};
    s->bind(namespace_id).bind(static_cast<std::int64_t>(kind)).bind(open_run_order);
    return s->step() ? from_nanoseconds(s->integer(0)) : time_point::min();
  });
}

result<std::vector<visibility_row>>
sqlite_store::list_sorted(const std::string& namespace_id, machine_kind kind, const filter& query,
                          std::span<const sort_key> order,
                          const std::optional<sorted_place>& behind, std::size_t limit) {
  if (auto bad = refuse_sorting(order))
    return *bad;
  return scanning([&](database& db) -> result<std::vector<visibility_row>> {
    source from{db, namespace_id, kind, query};
    auto values = sql::compile_sort_values(order);
    auto place = behind ? sql::compile_behind(order, *behind) : sql::condition{.text = "1=1"};
    // Sorted are keys; of what is answered the rows are read then.
    auto s = prepare_query(db, std::string{"SELECT "} + visibility_columns
                                 + " FROM (SELECT v.run_key AS place" + values.text + " FROM "
                                 + from.text().tables + " WHERE " + from.text().where + " AND "
                                 + place.text + " ORDER BY " + sql::sort_terms(order, "")
                                 + " LIMIT ?) p CROSS JOIN visibility v ON v.run_key = p.place "
                                   "ORDER BY "
                                 + sql::sort_terms(order, "p."));
    if (!s)
      return too_complex();
    bind_all(*s, values);
    from.bind_tables(*s);
    from.bind_where(*s);
    bind_all(*s, place);
    s->bind(static_cast<std::int64_t>(std::min(limit, std::size_t{1} << 31)));
    std::vector<visibility_row> rows;
    while (s->step())
      rows.push_back(read_visibility(*s));
    return rows;
  });
}

result<std::int64_t> sqlite_store::count(const std::string& namespace_id, machine_kind kind,
                                         const filter& query) {
  return scanning([&](database& db) -> result<std::int64_t> {
    if (sql::is_in_counts(query, ""))
      return read_counts(db, namespace_id, kind, query).total();
    source from{db, namespace_id, kind, query};
    auto s = prepare_query(db, "SELECT count(*) FROM " + from.text().tables + " WHERE "
                                 + from.text().where);
    if (!s)
      return too_complex();
    from.bind_tables(*s);
    from.bind_where(*s);
    s->step();
    return s->integer(0);
  });
}

result<std::vector<group_count>>
sqlite_store::count_by(const std::string& namespace_id, machine_kind kind, const filter& query,
                       const std::string& attribute, value_type type) {
  if (auto bad = refuse_grouping(attribute, type))
    return *bad;
  return scanning([&](database& db) -> result<std::vector<group_count>> {
    if (sql::is_in_counts(query, attribute))
      return read_counts(db, namespace_id, kind, query).groups(attribute, type);
    auto groups = sql::compile_grouping(attribute, type);
    source from{db, namespace_id, kind, query};
    auto s = prepare_query(
      db, "SELECT " + groups.value.text + " AS value, "
            + (groups.join.text.empty() ? "count(*)" : "count(DISTINCT v.run_key)") + " FROM "
            + from.text().tables + groups.join.text + " WHERE " + from.text().where
            + " GROUP BY value LIMIT " + std::to_string(groups_max + 1));
    if (!s)
      return too_complex();
    bind_all(*s, groups.value);
    from.bind_tables(*s);
    bind_all(*s, groups.join);
    from.bind_where(*s);
    value_counts counts;
    while (s->step())
      counts.add(value_from(*s, 0, type), s->integer(1));
    return std::move(counts).sorted();
  });
}

// -- namespaces and the cluster's facts ----------------------------------------------------------

result<void> sqlite_store::create_namespace(const namespace_row& row) {
  return changing_registry([&](database& db) -> result<void> {
    db.prepared("INSERT OR IGNORE INTO namespaces(id, name, version, record) VALUES(?, ?, ?, ?)")
      .bind(row.id)
      .bind(row.name)
      .bind(row.version)
      .bind_blob(row.record)
      .run();
    if (db.changes() == 0)
      return make_error(errc::already_exists, "Namespace already exists.");
    return {};
  });
}

result<void> sqlite_store::update_namespace(const namespace_row& row) {
  return changing_registry([&](database& db) -> result<void> {
    {
      running taken{db.prepared("SELECT 1 FROM namespaces WHERE name = ? AND id <> ?")};
      if (taken->bind(row.name).bind(row.id).step())
        return make_error(errc::already_exists, "Namespace already exists.");
    }
    db.prepared("UPDATE namespaces SET name = ?, version = ?, record = ? "
                "WHERE id = ? AND version = ?")
      .bind(row.name)
      .bind(row.version)
      .bind_blob(row.record)
      .bind(row.id)
      .bind(row.version - 1)
      .run();
    if (db.changes() == 0)
      return make_error(errc::aborted, "The namespace was updated by someone else meanwhile.");
    return {};
  });
}

result<std::vector<namespace_row>> sqlite_store::namespaces() {
  return reading([&](database& db) -> result<std::vector<namespace_row>> {
    running s{db.prepared("SELECT id, name, version, record FROM namespaces ORDER BY id")};
    std::vector<namespace_row> rows;
    while (s->step())
      rows.push_back({.id = s->string(0),
                      .name = s->string(1),
                      .version = s->integer(2),
                      .record = s->string(3)});
    return rows;
  });
}

result<void> sqlite_store::erase_namespace(const std::string& id) {
  return changing_registry([&](database& db) -> result<void> {
    db.prepared("DELETE FROM listed_counts WHERE namespace_id = ?").bind(id).run();
    db.prepared("DELETE FROM namespaces WHERE id = ?").bind(id).run();
    return {};
  });
}

result<std::string> sqlite_store::cluster_fact(const std::string& name, const std::string& value) {
  return writing([&](database& db) -> result<std::string> {
    db.prepared("INSERT OR IGNORE INTO cluster_facts(name, value) VALUES(?, ?)")
      .bind(name)
      .bind_blob(value)
      .run();
    running s{db.prepared("SELECT value FROM cluster_facts WHERE name = ?")};
    s->bind(name).step();
    return s->string(0);
  });
}

result<void> sqlite_store::check() {
  return writing([&](database& db) -> result<void> {
    db.prepared("UPDATE health SET checks = checks + 1 WHERE id = 1").run();
    return {};
  });
}

std::string sqlite_store::kind() const {
  return "sqlite";
}

} // namespace reprise::store::sqlite
