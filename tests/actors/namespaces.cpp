#include "actors/namespaces/namespace_registry.hpp"
#include "store/faulty.hpp"
#include "store/open.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using namespace reprise;

namespace {

/// Lets something happen after the namespaces were read.
class slow_store final : public reprise::store::faulty_store {
public:
  slow_store()
    : faulty_store(reprise::store::open_memory(),
                   [](reprise::store::operation) { return reprise::store::fault{}; }) {
  }

  result<std::vector<reprise::store::namespace_row>> namespaces() override {
    auto rows = faulty_store::namespaces();
    if (meanwhile)
      std::exchange(meanwhile, nullptr)();
    return restored ? *restored : rows;
  }

  std::function<void()> meanwhile;
  /// What it holds since it was given back older.
  std::optional<std::vector<reprise::store::namespace_row>> restored;
};

journal::NamespaceRecord named(const std::string& name) {
  journal::NamespaceRecord record;
  record.mutable_info()->set_id("id of " + name);
  record.mutable_info()->set_name(name);
  return record;
}

result<void> describe(journal::NamespaceRecord& record) {
  record.mutable_info()->set_description("new");
  return {};
}

} // namespace

TEST_CASE("what one thread changes every thread sees, also where it looked before") {
  slow_store one_db;
  slow_store other_db;
  actors::namespace_registry one{one_db};
  actors::namespace_registry other{other_db};
  REQUIRE(one.create(named("a")));
  CHECK(one.find("a"));
  CHECK(!other.find("a"));
  auto all = one.all();
  std::thread{[&] {
    CHECK(one.find_by_id("id of a"));
    REQUIRE(one.update("a", describe));
    REQUIRE(other.create(named("b")));
    CHECK(one.find("a")->version == 2);
  }}.join();
  CHECK(one.find("a")->version == 2);
  CHECK(other.find("b"));
  CHECK(!one.find("b"));
  // What was handed out before is as it was.
  CHECK(all->at("a")->version == 1);
}

TEST_CASE("a change made while the namespaces are read is not forgotten") {
  slow_store db;
  actors::namespace_registry registry{db};
  REQUIRE(registry.create(named("old")));
  db.meanwhile = [&] {
    REQUIRE(registry.update("old", describe));
    REQUIRE(registry.create(named("made")));
    REQUIRE(registry.update("made", [](journal::NamespaceRecord& r) -> result<void> {
      r.mutable_info()->set_name("renamed");
      return {};
    }));
  };
  REQUIRE(registry.load());
  CHECK(registry.find("old")->record.info().description() == "new");
  CHECK(registry.find("renamed"));
  CHECK(!registry.find("made"));
  CHECK(registry.find_by_id("id of made")->facts.name == "renamed");
  REQUIRE(registry.load());
  CHECK(registry.find("old")->version == 2);
  CHECK(registry.all()->size() == 2);
}

TEST_CASE("what the store lost of namespaces is forgotten with the next look") {
  slow_store db;
  actors::namespace_registry registry{db};
  REQUIRE(registry.create(named("kept")));
  auto before = db.namespaces();
  REQUIRE(before);
  REQUIRE(registry.create(named("lost")));
  REQUIRE(registry.update("kept", describe));
  db.restored = *before;
  // But for what is written while it is looked at.
  db.meanwhile = [&] { REQUIRE(registry.create(named("new"))); };
  REQUIRE(registry.load());
  CHECK(!registry.find("lost"));
  CHECK(!registry.find_by_id("id of lost"));
  CHECK(registry.find("kept")->version == 1);
  CHECK(registry.find("new"));
  REQUIRE(registry.load());
  CHECK(!registry.find("new"));
  CHECK(registry.all()->size() == 1);
}
