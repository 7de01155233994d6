#include "store/mysql/literal.hpp"
#include "store/mysql/mysql_store.hpp"
#include "store/sql/attribute_codec.hpp"
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

std::string listed_as(const std::string& namespace_id, machine_kind kind) {
  return fill("v.namespace_id = ? AND v.kind = ? AND ", namespace_id, static_cast<int>(kind));
}

std::string behind_cursor(const list_cursor& place) {
  auto close = close_order(place);
  auto start = nanoseconds(place.start_time);
  return fill(" AND v.close_order <= ? AND (v.close_order < ? OR v.start_time < ? "
              "OR (v.start_time = ? AND v.run_key < ?))",
              close, close, start, start, place.key);
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

/// Longer ones could exhaust the server's parser.
constexpr std::size_t query_bytes_max = std::size_t{8} << 20;

std::optional<error> refuse_query(const std::string& text) {
  if (text.size() <= query_bytes_max)
    return std::nullopt;
  return make_error(errc::invalid_argument, "The query is too complex.");
}

} // namespace

result<std::vector<visibility_row>>
mysql_store::list(const std::string& namespace_id, machine_kind kind, const filter& query,
                  const std::optional<list_cursor>& behind, std::size_t limit) {
  auto text = std::string{"SELECT "} + visibility_columns + " FROM visibility v WHERE "
              + listed_as(namespace_id, kind) + fill(sql::compile(namespace_id, kind, query));
  if (auto bad = refuse_query(text))
    return *bad;
  if (behind)
    text += behind_cursor(*behind);
  text += fill(" ORDER BY v.close_order DESC, v.start_time DESC, v.run_key DESC LIMIT ?",
               std::uint64_t{std::min(limit, std::size_t{1} << 31)});
  return scanning([&](connection& db) -> result<std::vector<visibility_row>> {
    std::vector<visibility_row> page;
    auto found = db.query(text);
    while (found.next()) {
      auto row = read_visibility(found);
      if (!row)
        return make_error(errc::data_loss, "The search attributes of a row cannot be read.");
      page.push_back(std::move(*row));
    }
    return page;
  });
}

result<std::int64_t> mysql_store::count(const std::string& namespace_id, machine_kind kind,
                                        const filter& query) {
  auto text = "SELECT COUNT(*) FROM visibility v WHERE " + listed_as(namespace_id, kind)
              + fill(sql::compile(namespace_id, kind, query));
  if (auto bad = refuse_query(text))
    return *bad;
  return scanning([&](connection& db) -> result<std::int64_t> {
    auto count = db.query(text);
    return count.next() ? count.integer(1) : 0;
  });
}

result<std::vector<group_count>>
mysql_store::count_by(const std::string& namespace_id, machine_kind kind, const filter& query,
                      const std::string& attribute, value_type type) {
  if (auto bad = refuse_grouping(attribute, type))
    return *bad;
  auto text = "SELECT " + fill(sql::compile_value(attribute, type))
              + " AS value, COUNT(*) FROM visibility v WHERE " + listed_as(namespace_id, kind)
              + fill(sql::compile(namespace_id, kind, query)) + " GROUP BY value";
  if (auto bad = refuse_query(text))
    return *bad;
  return scanning([&](connection& db) -> result<std::vector<group_count>> {
    value_counts counts;
    auto found = db.query(text);
    while (found.next())
      counts.add(value_from(found, 1, type), found.integer(2));
    return counts.sorted();
  });
}

// -- namespaces and the cluster's facts ----------------------------------------------------------

result<void> mysql_store::create_namespace(const namespace_row& row) {
  return writing(control_, [&](connection& db) -> result<void> {
    auto added = db.update(fill("INSERT IGNORE INTO namespaces(id, name, version, record) "
                                "VALUES(?, ?, ?, ?)",
                                row.id, row.name, row.version, row.record));
    if (added == 0)
      return make_error(errc::already_exists, "Namespace already exists.");
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
    db.execute(fill("DELETE FROM namespaces WHERE id = ?", id));
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
