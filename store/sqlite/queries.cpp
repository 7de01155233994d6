#include "store/columns.hpp"
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

/// The condition of a query, and its parameters.
class where_clause {
public:
  where_clause(const std::string& namespace_id, machine_kind kind, const filter& query)
    : query_(query), whole_(is_beyond_sql(query)) {
    if (whole_)
      compiled_.text = "matches_filter(?, v.run_key)";
    else
      compiled_ = sql::compile(namespace_id, kind, query);
  }

  const std::string& text() const noexcept {
    return compiled_.text;
  }

  void bind(statement& s) const {
    if (whole_)
      bind_filter(s, query_);
    bind_all(s, compiled_);
  }

private:
  const filter& query_;
  bool whole_;
  sql::condition compiled_{};
};

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
    where_clause where{namespace_id, kind, query};
    auto text = std::string{"SELECT "} + visibility_columns
                + " FROM visibility v WHERE v.namespace_id = ? AND v.kind = ? AND " + where.text();
    if (behind)
      text += " AND (v.close_order, v.start_time, v.run_key) < (?, ?, ?)";
    text += " ORDER BY v.close_order DESC, v.start_time DESC, v.run_key DESC LIMIT ?";
    auto s = prepare_query(db, text);
    if (!s)
      return too_complex();
    s->bind(namespace_id).bind(static_cast<std::int64_t>(kind));
    where.bind(*s);
    if (behind)
      s->bind(close_order(*behind)).bind(nanoseconds(behind->start_time)).bind(behind->key);
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
    where_clause where{namespace_id, kind, query};
    auto s = prepare_query(db, "SELECT count(*) FROM visibility v WHERE v.namespace_id = ? "
                               "AND v.kind = ? AND "
                                 + where.text());
    if (!s)
      return too_complex();
    s->bind(namespace_id).bind(static_cast<std::int64_t>(kind));
    where.bind(*s);
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
    auto value = sql::compile_value(attribute, type);
    where_clause where{namespace_id, kind, query};
    auto s = prepare_query(db, "SELECT " + value.text
                                 + " AS value, count(*) FROM visibility v "
                                   "WHERE v.namespace_id = ? AND v.kind = ? AND "
                                 + where.text() + " GROUP BY value");
    if (!s)
      return too_complex();
    bind_all(*s, value);
    s->bind(namespace_id).bind(static_cast<std::int64_t>(kind));
    where.bind(*s);
    value_counts counts;
    while (s->step())
      counts.add(value_from(*s, 0, type), s->integer(1));
    return counts.sorted();
  });
}

// -- namespaces and the cluster's facts ----------------------------------------------------------

result<void> sqlite_store::create_namespace(const namespace_row& row) {
  return writing([&](database& db) -> result<void> {
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
  return writing([&](database& db) -> result<void> {
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
  return writing([&](database& db) -> result<void> {
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
