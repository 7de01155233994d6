#include "store/sqlite/match_function.hpp"

#include "store/sqlite/visibility_table.hpp"

#include <exception>
#include <new>

namespace reprise::store::sqlite {

namespace {

constexpr const char* pointer_type = "filter";

visibility_row read_row(database& db, std::int64_t key) {
  static const auto text = std::string{"SELECT "} + visibility_columns
                           + " FROM visibility v WHERE v.run_key = ?";
  running s{db.prepared(text.c_str())};
  return s->bind(key).step() ? read_visibility(*s) : visibility_row{};
}

/// Called by SQLite, in C: must not throw.
void call_matches(sqlite3_context* out, int, sqlite3_value** arguments) {
  auto& db = *static_cast<database*>(sqlite3_user_data(out));
  const auto* f = static_cast<const filter*>(sqlite3_value_pointer(arguments[0], pointer_type));
  if (f == nullptr)
    return sqlite3_result_null(out);
  try {
    auto row = read_row(db, sqlite3_value_int64(arguments[1]));
    sqlite3_result_int(out, matches(*f, row) ? 1 : 0);
  } catch (const std::bad_alloc&) {
    sqlite3_result_error_nomem(out);
  } catch (const failure& e) {
    sqlite3_result_error(out, e.what(), -1);
    sqlite3_result_error_code(out, e.code());
  } catch (const std::exception& e) {
    sqlite3_result_error(out, e.what(), -1);
  }
}

} // namespace

void add_match_function(database& db) {
  auto answer = sqlite3_create_function_v2(db.handle(), "matches_filter", 2,
                                           SQLITE_UTF8 | SQLITE_DIRECTONLY, &db, &call_matches,
                                           nullptr, nullptr, nullptr);
  if (answer != SQLITE_OK)
    throw failure{answer, sqlite3_errmsg(db.handle())};
}

bool is_beyond_sql(const filter& f) noexcept {
  // Its parser takes some thirty brackets within each other, its expressions a thousand conditions.
  constexpr std::size_t depth_max = 20;
  constexpr std::size_t leaves_max = 500;
  auto size = size_of(f);
  return size.depth > depth_max || size.leaves > leaves_max;
}

void bind_filter(statement& s, const filter& f) {
  s.bind_pointer(&f, pointer_type);
}

} // namespace reprise::store::sqlite
