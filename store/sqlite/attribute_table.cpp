// A virtual table of SQLite: callbacks in C that must not throw. A query on it names a run's key
// and usually an attribute; it is refused without a key.
#include "store/sqlite/attribute_table.hpp"

#include "store/sql/attribute_codec.hpp"
#include "store/sqlite/database.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <new>

namespace reprise::store::sqlite {

namespace {

// In the order of the declaration below.
enum column : int {
  run_key,
  name,
  place,
  type,
  text_value,
  integer_value,
  real_value,
};

constexpr auto declaration = "CREATE TABLE attributes(run_key INTEGER, name TEXT, place INTEGER, "
                             "type INTEGER, text_value TEXT, integer_value INTEGER, "
                             "real_value REAL)";

/// One for each connection; SQLite owns it.
struct table : sqlite3_vtab {
  explicit table(sqlite3* on) : sqlite3_vtab{}, db(on) {
  }

  ~table() {
    sqlite3_finalize(read_blob);
  }

  table(const table&) = delete;
  table& operator=(const table&) = delete;

  sqlite3* db;
  sqlite3_stmt* read_blob = nullptr;
};

struct cursor : sqlite3_vtab_cursor {
  cursor() : sqlite3_vtab_cursor{} {
  }

  std::int64_t key = 0;
  std::vector<sql::attribute_element> elements{};
  std::size_t at = 0;
};

cursor& of(sqlite3_vtab_cursor* c) {
  return *static_cast<cursor*>(c);
}

/// Runs what may throw.
template <class F>
int guarded(F f) {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  } catch (const std::exception&) {
    return SQLITE_ERROR;
  }
}

int connect(sqlite3* db, void*, int, const char* const*, sqlite3_vtab** out, char**) {
  if (auto answer = sqlite3_declare_vtab(db, declaration); answer != SQLITE_OK)
    return answer;
  return guarded([&] {
    *out = new table{db};
    return SQLITE_OK;
  });
}

int disconnect(sqlite3_vtab* t) {
  delete static_cast<table*>(t);
  return SQLITE_OK;
}

/// The key is the first argument of a scan, the attribute's name the second one if it is known.
int choose_plan(sqlite3_vtab*, sqlite3_index_info* plan) {
  auto has_key = false;
  for (int i = 0; i < plan->nConstraint; ++i) {
    auto& wanted = plan->aConstraint[i];
    if (wanted.usable == 0 || wanted.op != SQLITE_INDEX_CONSTRAINT_EQ)
      continue;
    auto& use = plan->aConstraintUsage[i];
    if (wanted.iColumn == run_key && !has_key) {
      use.argvIndex = 1;
      use.omit = 1;
      has_key = true;
    } else if (wanted.iColumn == name && plan->idxNum == 0) {
      use.argvIndex = 2;
      plan->idxNum = 1;
    }
  }
  plan->estimatedCost = 5;
  plan->estimatedRows = 5;
  return has_key ? SQLITE_OK : SQLITE_CONSTRAINT;
}

int open_cursor(sqlite3_vtab*, sqlite3_vtab_cursor** out) {
  return guarded([&] {
    *out = new cursor;
    return SQLITE_OK;
  });
}

int close_cursor(sqlite3_vtab_cursor* c) {
  delete static_cast<cursor*>(c);
  return SQLITE_OK;
}

std::string_view blob_of(sqlite3_stmt* s) {
  auto data = static_cast<const char*>(sqlite3_column_blob(s, 0));
  auto size = static_cast<std::size_t>(sqlite3_column_bytes(s, 0));
  return data != nullptr ? std::string_view{data, size} : std::string_view{};
}

int read_elements(table& t, cursor& c, std::optional<std::string_view> only) {
  if (t.read_blob == nullptr) {
    auto answer = sqlite3_prepare_v2(t.db, "SELECT attributes FROM visibility WHERE run_key = ?",
                                     -1, &t.read_blob, nullptr);
    if (answer != SQLITE_OK)
      return answer;
  }
  // Whatever is thrown, the next scan finds it at rest.
  std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_reset)> at_rest{t.read_blob, &sqlite3_reset};
  sqlite3_bind_int64(t.read_blob, 1, c.key);
  auto answer = sqlite3_step(t.read_blob);
  if (answer == SQLITE_ROW) {
    auto all = sql::decode_attributes(blob_of(t.read_blob));
    if (all && only)
      std::erase_if(*all, [&](auto& a) { return a.name != *only; });
    if (all)
      c.elements = sql::elements_of(*all);
    answer = all ? SQLITE_DONE : SQLITE_CORRUPT_VTAB;
  }
  return answer == SQLITE_DONE ? SQLITE_OK : answer;
}

int begin_scan(sqlite3_vtab_cursor* base, int has_name, const char*, int, sqlite3_value** values) {
  auto& c = of(base);
  c.elements.clear();
  c.at = 0;
  c.key = sqlite3_value_int64(values[0]);
  std::optional<std::string_view> only;
  if (has_name != 0) {
    auto text = reinterpret_cast<const char*>(sqlite3_value_text(values[1]));
    if (text == nullptr)
      return SQLITE_OK; // equal to nothing
    only.emplace(text, static_cast<std::size_t>(sqlite3_value_bytes(values[1])));
  }
  return guarded([&] { return read_elements(*static_cast<table*>(base->pVtab), c, only); });
}

int read_column(sqlite3_vtab_cursor* base, sqlite3_context* out, int which) {
  auto& c = of(base);
  auto& e = c.elements[c.at];
  auto put_text = [&](const std::string& text) {
    sqlite3_result_text64(out, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  };
  // A result that is not set is NULL.
  switch (static_cast<column>(which)) {
    case run_key:
      sqlite3_result_int64(out, c.key);
      break;
    case name:
      put_text(e.name);
      break;
    case place:
      sqlite3_result_int(out, e.place);
      break;
    case type:
      sqlite3_result_int(out, static_cast<int>(e.type));
      break;
    case text_value:
      if (e.text)
        put_text(*e.text);
      break;
    case integer_value:
      if (e.integer)
        sqlite3_result_int64(out, *e.integer);
      break;
    case real_value:
      if (e.real)
        sqlite3_result_double(out, *e.real);
      break;
  }
  return SQLITE_OK;
}

sqlite3_module make_module() {
  sqlite3_module m{};
  // Without xCreate the table is there by its module's name.
  m.xConnect = &connect;
  m.xBestIndex = &choose_plan;
  m.xDisconnect = &disconnect;
  m.xOpen = &open_cursor;
  m.xClose = &close_cursor;
  m.xFilter = &begin_scan;
  m.xNext = [](sqlite3_vtab_cursor* c) {
    ++of(c).at;
    return SQLITE_OK;
  };
  m.xEof = [](sqlite3_vtab_cursor* c) { return of(c).at >= of(c).elements.size() ? 1 : 0; };
  m.xColumn = &read_column;
  m.xRowid = [](sqlite3_vtab_cursor* c, sqlite3_int64* out) {
    *out = static_cast<sqlite3_int64>(of(c).at);
    return SQLITE_OK;
  };
  return m;
}

} // namespace

void add_attribute_table(sqlite3* db) {
  static const auto attributes = make_module();
  if (auto answer = sqlite3_create_module(db, "attributes", &attributes, nullptr);
      answer != SQLITE_OK)
    throw failure{answer, sqlite3_errmsg(db)};
}

} // namespace reprise::store::sqlite
