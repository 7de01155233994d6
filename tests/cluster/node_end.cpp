#include "cluster/node.hpp"
#include "store/open.hpp"
#include "tests/support/eventually.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <doctest/doctest.h>

#include <condition_variable>
#include <memory>
#include <mutex>

using namespace reprise;
using namespace std::chrono_literals;

namespace {

constexpr const char* ns = "namespace";

/// Something that takes its time: longer than a node needs to end that does not wait for it.
class long_work {
public:
  void run() {
    std::unique_lock lock{mutex_};
    begun_ = true;
    changed_.notify_all();
    changed_.wait_for(lock, 500ms, [this] { return cut_short_; });
    over_ = true;
  }

  bool wait_until_begun() {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, 30s, [this] { return begun_; });
  }

  bool is_over() {
    std::lock_guard lock{mutex_};
    return over_;
  }

  void cut_short() {
    std::lock_guard lock{mutex_};
    cut_short_ = true;
    changed_.notify_all();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool begun_ = false;
  bool cut_short_ = false;
  bool over_ = false;
};

bridge_actor::behavior_type deaf_bridge() {
  return {
    [](reply_atom, std::uint64_t, const cluster::Reply&) {},
    [](reply_atom, std::uint64_t, const std::shared_ptr<actors::task_reply>&) {},
  };
}

struct node_config : caf::actor_system_config {
  node_config() {
    cluster::prepare(*this);
  }
};

/// A node on threads, as in the server.
struct threaded_node {
  threaded_node() {
    journal::NamespaceRecord record;
    record.mutable_info()->set_id(ns);
    record.mutable_info()->set_name("default");
    REQUIRE(db->create_namespace(
      {.id = ns, .name = "default", .version = 1, .record = record.SerializeAsString()}));
    node.shared().before_decision = [this](const cluster::ExecutionRequest&) {
      if (slow_decision)
        slow_decision->run();
    };
    node.start();
    REQUIRE(testing::eventually([this] { return node.serving(); }));
  }

  void start_workflow(const std::string& id) {
    cluster::ExecutionRequest r;
    r.set_namespace_id(ns);
    r.set_namespace_name("default");
    r.set_workflow_id(id);
    r.mutable_start()->set_workflow_id(id);
    r.mutable_start()->mutable_workflow_type()->set_name("type");
    r.mutable_start()->mutable_task_queue()->set_name("queue");
    caf::anon_send(node.slot_for(ns, id), call_atom_v, std::uint64_t{1}, bridge, std::move(r));
  }

  std::shared_ptr<long_work> slow_decision{};
  std::unique_ptr<store::store> db = store::open_memory();
  system_clock time{};
  metrics registry{};
  node_config config{};
  caf::actor_system system{config};
  bridge_actor bridge = system.spawn(deaf_bridge);
  cluster::node node{system, *db, time, registry, {}};
};

} // namespace

TEST_CASE("a node that has ended has no job on the store under way") {
  auto work = std::make_shared<long_work>();
  threaded_node t;
  REQUIRE(t.node.shared().readers.post(actors::lane::points, [work] { work->run(); }));
  REQUIRE(work->wait_until_begun());
  t.node.stop();
  CHECK(work->is_over());
  work->cut_short();
}

TEST_CASE("a node that has ended has no execution at work") {
  auto work = std::make_shared<long_work>();
  threaded_node t;
  t.slow_decision = work;
  t.start_workflow("w");
  REQUIRE(work->wait_until_begun());
  t.node.stop();
  CHECK(work->is_over());
  work->cut_short();
}
