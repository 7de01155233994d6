// Any text as a visibility query: what the parser takes, SQLite runs, and finds what the store in
// memory finds.
#include "frontend/query/parser.hpp"
#include "store/open.hpp"
#include "temporal/api/enums/v1/common.pb.h"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/store_rows.hpp"
#include "tests/support/temporary_folder.hpp"

#include <memory>

using namespace reprise;
namespace enums = temporal::api::enums::v1;

namespace {

using store::search_value;
using store::value_type;

struct world {
  world() {
    namespace_entry.facts.name = "default";
    auto& known = *namespace_entry.record.mutable_search_attributes();
    known["City"] = enums::INDEXED_VALUE_TYPE_KEYWORD;
    known["Age"] = enums::INDEXED_VALUE_TYPE_INT;
    known["Weight"] = enums::INDEXED_VALUE_TYPE_DOUBLE;
    known["Note"] = enums::INDEXED_VALUE_TYPE_TEXT;
    known["Paid"] = enums::INDEXED_VALUE_TYPE_BOOL;
    known["Due"] = enums::INDEXED_VALUE_TYPE_DATETIME;
    known["Tags"] = enums::INDEXED_VALUE_TYPE_KEYWORD_LIST;
    auto opened = store::open_sqlite({.path = folder.file("store.db")});
    fuzz::require(opened.has_value(), "SQLite opens");
    stores[0] = store::open_memory();
    stores[1] = std::move(*opened);
    for (auto& s : stores)
      fill(*s);
  }

  /// Sorted by name, as the store wants them.
  static std::vector<store::named_value> attributes_of(std::int64_t key) {
    std::vector<store::named_value> out;
    auto add = [&](bool has, const char* name, store::search_value value) {
      if (has)
        out.push_back({name, std::move(value)});
    };
    add(key % 3 == 0, "Age", {.type = value_type::integer, .integer = key - 8});
    add(key % 2 == 0, "City", {.type = value_type::keyword, .texts = {key % 4 == 0 ? "a" : ""}});
    add(key % 4 == 3, "Due", {.type = value_type::datetime, .integer = key});
    add(key % 3 == 1, "Note", {.type = value_type::text, .texts = {"One two, 3"}});
    add(key % 4 == 2, "Paid", {.type = value_type::boolean, .integer = key % 8 == 2 ? 1 : 0});
    add(key % 4 == 1, "Tags", {.type = value_type::keyword_list, .texts = {"a", "b"}});
    add(key % 5 == 0, "Weight", {.type = value_type::real, .real = 1.5 * static_cast<double>(key)});
    return out;
  }

  static void fill(store::store& s) {
    auto epochs = store::take_everything(s, store::new_incarnation());
    for (std::int64_t key = 1; key <= 16; ++key) {
      auto t = test::start_of(key, (*epochs)[test::head_of(key).slot]);
      auto row = test::listed(key, key);
      row.search_attributes = attributes_of(key);
      t.runs[0].visibility = std::move(row);
      fuzz::require(test::commit_one(s, t) == store::commit_status::committed, "a row is written");
    }
  }

  actors::namespace_entry namespace_entry{};
  testing::temporary_folder folder{};
  std::unique_ptr<store::store> stores[2];
};

std::string keys_of(const std::vector<store::visibility_row>& rows) {
  std::string out;
  for (const auto& row : rows)
    out += std::to_string(row.key) + " ";
  return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static world w;
  std::string text{fuzz::bytes_of(data, size)};
  auto ordered = frontend::parse_list_query(text, w.namespace_entry);
  if (ordered && !ordered->order.empty())
    for (auto& s : w.stores)
      if (auto rows = s->list_sorted(test::namespace_id, machine_kind::workflow, ordered->filter,
                                     ordered->order, {}, 100);
          !rows)
        fuzz::require(rows.error().code == errc::invalid_argument, "a list is sorted or refused");
  auto query = frontend::parse_query(text, w.namespace_entry, true);
  if (!query) {
    fuzz::require(query.error().code == errc::invalid_argument, "a refusal is the caller's");
    return 0;
  }
  auto in_memory = w.stores[0]->list(test::namespace_id, machine_kind::workflow, query->filter, {},
                                     100);
  auto in_sqlite = w.stores[1]->list(test::namespace_id, machine_kind::workflow, query->filter, {},
                                     100);
  fuzz::require(in_memory.has_value(), "memory runs every query");
  if (!in_sqlite) {
    fuzz::require(in_sqlite.error().code == errc::invalid_argument,
                  "SQLite says: " + in_sqlite.error().message);
    return 0;
  }
  fuzz::require(keys_of(*in_memory) == keys_of(*in_sqlite), text + " finds " + keys_of(*in_memory)
                                                              + "in memory, " + keys_of(*in_sqlite)
                                                              + "in SQLite");
  if (query->group_by)
    for (auto& s : w.stores)
      fuzz::require(s->count_by(test::namespace_id, machine_kind::workflow, query->filter,
                                *query->group_by, query->group_type)
                      .has_value(),
                    "groups can be counted");
  return 0;
}
