// What a page of a history takes from the store.
#include "actors/run/event_tail.hpp"
#include "store/faulty.hpp"
#include "store/open.hpp"
#include "temporal/api/history/v1/message.pb.h"
#include "tests/support/store_rows.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace reprise;

namespace {

constexpr std::int64_t key = 1;

/// Counts the bytes that were read.
class counting_store final : public reprise::store::faulty_store {
public:
  counting_store()
    : faulty_store(reprise::store::open_memory(),
                   [](reprise::store::operation) { return reprise::store::fault{}; }) {
  }

  result<std::vector<reprise::store::journal_row>> read_events(std::int64_t of, std::int64_t from,
                                                               std::size_t bytes_max) override {
    return counted(faulty_store::read_events(of, from, bytes_max));
  }

  result<std::vector<reprise::store::journal_row>>
  read_events_reverse(std::int64_t of, std::int64_t to, std::size_t bytes_max) override {
    return counted(faulty_store::read_events_reverse(of, to, bytes_max));
  }

  std::size_t bytes = 0;

private:
  result<std::vector<reprise::store::journal_row>>
  counted(result<std::vector<reprise::store::journal_row>> rows) {
    if (rows)
      for (const auto& row : *rows)
        bytes += row.events.size();
    return rows;
  }
};

std::string one_event(std::int64_t id, std::size_t size) {
  temporal::api::history::v1::History out;
  auto& event = *out.add_events();
  event.set_event_id(id);
  event.mutable_workflow_execution_signaled_event_attributes()->set_identity(
    std::string(size, 'i'));
  return out.SerializeAsString();
}

/// A run of so many events, a row each.
void fill(store::store& db, std::int64_t events, std::size_t size) {
  auto epochs = store::take_everything(db, store::new_incarnation());
  REQUIRE(epochs);
  auto head = test::head_of(key);
  auto epoch = (*epochs)[head.slot];
  for (std::int64_t i = 1; i <= events; ++i) {
    auto number = static_cast<std::uint64_t>(i);
    auto t = i == 1 ? test::start_of(key, epoch) : test::append_to(key, number, epoch);
    auto& w = t.runs.front();
    w.head.next_event_id = i + 1;
    w.row.first_event_id = i;
    w.row.event_count = 1;
    w.row.events = one_event(i, size);
    REQUIRE(test::commit_one(db, t) == store::commit_status::committed);
  }
}

std::vector<std::int64_t> ids_of(const engine::page& page) {
  temporal::api::history::v1::History history;
  REQUIRE(history.ParseFromString(page.events));
  std::vector<std::int64_t> out;
  for (const auto& event : history.events())
    out.push_back(event.event_id());
  return out;
}

} // namespace

TEST_CASE("a page of a long history reads about what it holds, forwards and backwards") {
  counting_store db;
  constexpr std::int64_t events = 5000;
  fill(db, events, 400);
  for (auto reverse : {false, true}) {
    CAPTURE(reverse);
    db.bytes = 0;
    auto page = actors::read_page(db, key,
                                  {.last = events, .batches_max = 100, .reverse = reverse});
    REQUIRE(page);
    CHECK(ids_of(*page).size() == 100);
    CHECK(ids_of(*page).front() == (reverse ? events : 1));
    CHECK(db.bytes < 300'000);
  }
}

TEST_CASE("a page that is full by its bytes is read in growing parts, without a gap") {
  counting_store db;
  constexpr std::int64_t events = 300;
  fill(db, events, 10'000);
  engine::page_request want{.last = events, .batches_max = events, .bytes_max = 2'000'000};
  std::vector<std::int64_t> seen;
  for (auto complete = false; !complete;) {
    auto page = actors::read_page(db, key, want);
    REQUIRE(page);
    for (auto id : ids_of(*page))
      seen.push_back(id);
    want.first = page->next;
    complete = page->complete;
  }
  REQUIRE(seen.size() == events);
  for (std::size_t i = 0; i < seen.size(); ++i)
    CHECK(seen[i] == static_cast<std::int64_t>(i) + 1);
}
