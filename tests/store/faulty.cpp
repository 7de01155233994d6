// The decorator that makes a store fail, over each of the stores: what callers may rely on after an
// ambiguous commit, and that raising the epoch is what makes reading again safe.
#include "store/faulty.hpp"

#include "tests/store/backends.hpp"

using namespace reprise;
using namespace reprise::test;
using store::commit_status;
using store::fault;

namespace {

/// Faults in the order that a test lists them; none behind the last.
struct script {
  std::shared_ptr<std::vector<fault>> rest = std::make_shared<std::vector<fault>>();

  store::fault operator()(store::operation) const {
    if (rest->empty())
      return {};
    auto next = rest->front();
    rest->erase(rest->begin());
    return next;
  }
};

/// The world keeps the store below; a decorator only borrows it.
template <class World>
std::shared_ptr<store::store> borrow(World& w) {
  return {std::shared_ptr<void>{}, &*w};
}

} // namespace

TEST_CASE_TEMPLATE("a commit that failed before the store saw it left nothing", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  script faults;
  store::faulty_store s{borrow(w), faults};
  faults.rest->push_back({.what = fault::kind::before});
  CHECK(commit_one(s, start_of(1, w.epoch_of(1))) == commit_status::unavailable);
  CHECK(!must(s.current_run(namespace_id, machine_kind::workflow, "workflow-1")));
  CHECK(commit_one(s, start_of(1, w.epoch_of(1))) == commit_status::committed);
}

TEST_CASE_TEMPLATE("a commit of unknown outcome may be there when it is read again", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  script faults;
  store::faulty_store s{borrow(w), faults};
  faults.rest->push_back({.what = fault::kind::after});
  auto slot = head_of(1).slot;
  CHECK(commit_one(s, start_of(1, w.epoch_of(1))) == commit_status::unknown);
  auto raised = must(s.raise_epoch(slot, w.epochs[slot]));
  CHECK(must(s.current_run(namespace_id, machine_kind::workflow, "workflow-1"))->last_seq == 1);
  CHECK(commit_one(s, append_to(1, 2, raised)) == commit_status::committed);
}

TEST_CASE_TEMPLATE("a late commit overtakes a reader who did not raise the epoch", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  script faults;
  store::faulty_store s{borrow(w), faults};
  REQUIRE(commit_one(s, start_of(1, w.epoch_of(1))) == commit_status::committed);
  faults.rest->push_back({.what = fault::kind::late, .late_calls = 2});
  CHECK(commit_one(s, append_to(1, 2, w.epoch_of(1))) == commit_status::unknown);
  CHECK(must(s.current_run(namespace_id, machine_kind::workflow, "workflow-1"))->last_seq == 1);
  CHECK(must(s.current_run(namespace_id, machine_kind::workflow, "workflow-1"))->last_seq
        == 2); // it landed
}

TEST_CASE_TEMPLATE("a late commit cannot land behind a raised epoch", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  script faults;
  store::faulty_store s{borrow(w), faults};
  auto slot = head_of(1).slot;
  REQUIRE(commit_one(s, start_of(1, w.epoch_of(1))) == commit_status::committed);
  faults.rest->push_back({.what = fault::kind::late, .late_calls = 100});
  CHECK(commit_one(s, append_to(1, 2, w.epoch_of(1))) == commit_status::unknown);
  auto raised = must(s.raise_epoch(slot, w.epochs[slot]));
  auto seen = must(s.current_run(namespace_id, machine_kind::workflow, "workflow-1"));
  s.land_late();
  CHECK(must(s.current_run(namespace_id, machine_kind::workflow, "workflow-1"))->last_seq
        == seen->last_seq);
  CHECK(must(s.read_journal(1, 1, 1000)).size() == 1);
  CHECK(commit_one(s, append_to(1, 2, raised)) == commit_status::committed);
}

TEST_CASE_TEMPLATE("a raise whose answer was lost can be repeated", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  script faults;
  store::faulty_store s{borrow(w), faults};
  faults.rest->push_back({.what = fault::kind::after});
  auto lost = s.raise_epoch(3, w.epochs[3]);
  REQUIRE(!lost);
  CHECK(lost.error().code == errc::unavailable);
  CHECK(must(s.raise_epoch(3, w.epochs[3])) == w.epochs[3] + 1);
  CHECK(must(s.raise_epoch(3, w.epochs[3] + 1)) == w.epochs[3] + 2);
}

TEST_CASE("seeded faults are the same for the same seed, and of every kind") {
  store::fault_rates rates{.before = 100, .after = 100, .late = 100, .failed_reads = 100};
  auto one = store::seeded_faults(7, rates);
  auto other = store::seeded_faults(7, rates);
  int seen[4]{};
  for (int i = 0; i < 1000; ++i) {
    auto what = i % 4 == 0 ? store::operation::read : store::operation::commit;
    auto a = one(what);
    CHECK(a.what == other(what).what);
    ++seen[static_cast<int>(a.what)];
    if (a.what == fault::kind::late)
      CHECK(a.late_calls >= 1);
  }
  for (auto n : seen)
    CHECK(n > 10);
}

// A caller that does as the contract says, under every fault: each append is tried until it is
// known to be there, and none is there twice.
TEST_CASE_TEMPLATE("a careful caller loses and doubles nothing under random faults", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  auto calm = std::make_shared<bool>(false);
  auto random = store::seeded_faults(
    99, {.before = 100, .after = 100, .late = 100, .failed_reads = 50, .late_calls_max = 6});
  store::faulty_store s{borrow(w),
                        [=](store::operation what) { return *calm ? fault{} : random(what); }};
  REQUIRE(commit_one(*w, start_of(1, w.epoch_of(1))) == commit_status::committed);
  auto slot = head_of(1).slot;
  auto epoch = w.epochs[slot];
  auto reload = [&]() -> std::uint64_t {
    for (;;) {
      auto raised = s.raise_epoch(slot, epoch);
      if (!raised) {
        REQUIRE(raised.error().code == errc::unavailable);
        continue;
      }
      epoch = *raised;
      for (;;)
        if (auto head = s.current_run(namespace_id, machine_kind::workflow, "workflow-1"))
          return (*head)->last_seq;
    }
  };
  std::uint64_t last = 1;
  while (last < 300) {
    auto status = commit_one(s, append_to(1, last + 1, epoch));
    if (status == commit_status::committed) {
      ++last;
    } else if (status == commit_status::unknown) {
      auto stored = reload();
      REQUIRE(stored >= last);
      REQUIRE(stored <= last + 1);
      last = stored;
    } else {
      REQUIRE(status == commit_status::unavailable);
    }
  }
  *calm = true;
  s.land_late();
  auto rows = must(w->read_journal(1, 1, 1'000'000));
  REQUIRE(rows.size() == last);
  for (std::size_t i = 0; i < rows.size(); ++i)
    CHECK(rows[i].seq == i + 1);
}
