#include "tests/crash/load/fragile_server.hpp"

#include "base/ids.hpp"
#include "cli/health.hpp"
#include "cluster/worker_pool.hpp"
#include "store/open.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <condition_variable>
#include <optional>
#include <set>

namespace reprise::crash {

namespace {

constexpr const char* service_path = "/temporal.api.workflowservice.v1.WorkflowService/";
constexpr auto serves_within = std::chrono::seconds{20};
constexpr std::size_t little_memory = 1U << 20;
constexpr std::size_t worker_count = 2;

/// One call's answer. Whoever sets it first wins.
struct outcome {
  std::mutex mutex{};
  std::condition_variable arrived{};
  std::optional<result<std::string>> answer{};

  void set(result<std::string> r) {
    std::lock_guard lock{mutex};
    if (!answer)
      answer.emplace(std::move(r));
    arrived.notify_one();
  }
};

/// The wire between a life and its callers. Once it is cut, nothing that the life says is heard.
class wire {
public:
  /// False: it is cut already.
  bool add(const std::shared_ptr<outcome>& o) {
    std::lock_guard lock{mutex_};
    if (!is_cut_)
      waiting_.insert(o);
    return !is_cut_;
  }

  void deliver(const std::shared_ptr<outcome>& o, result<std::string> r) {
    std::lock_guard lock{mutex_};
    if (is_cut_)
      return;
    waiting_.erase(o);
    o->set(std::move(r));
  }

  void cut() {
    std::lock_guard lock{mutex_};
    is_cut_ = true;
    for (const auto& o : waiting_)
      o->set(make_error(errc::unavailable, "power cut"));
    waiting_.clear();
  }

private:
  std::mutex mutex_;
  std::set<std::shared_ptr<outcome>> waiting_;
  bool is_cut_ = false;
};

struct actor_config : caf::actor_system_config {
  actor_config() {
    cluster::prepare(*this);
    cluster::worker_pool::use(*this, worker_count);
  }
};

} // namespace

/// From one power-on to the next cut; in the order in which things come up.
struct fragile_server::life {
  life(std::unique_ptr<store::store> opened, std::uint64_t seed) : db(std::move(opened)) {
    cli::local_server_options local;
    local.node.seed = seed;
    local.node.memory_budget_bytes = little_memory;
    local.node.on_serving = [this](bool on) { judge.on_serving(on); };
    judge.tell([this](const cli::health::why_not& why) {
      std::lock_guard lock{mutex};
      serving = !why;
      changed.notify_all();
    });
    local.facts.store_kind = db->kind();
    server.emplace(system, *db, time, registry, std::move(local));
  }

  void start() {
    server->start();
    server->front().on_failure([this](const error& why) { judge.on_failure(why); });
  }

  bool wait_until_serving() {
    std::unique_lock lock{mutex};
    return changed.wait_for(lock, serves_within, [this] { return serving; });
  }

  std::unique_ptr<store::store> db;
  std::shared_ptr<wire> line = std::make_shared<wire>();
  system_clock time;
  metrics registry;
  std::mutex mutex;
  std::condition_variable changed;
  bool serving = false;
  cli::health judge{*db};
  actor_config config;
  caf::actor_system system{config};
  std::optional<cli::local_server> server;
};

fragile_server::fragile_server(const std::string& name, std::string path)
  : path_(std::move(path)), disk_(name) {
}

fragile_server::~fragile_server() {
  if (life_)
    cut_power();
}

result<void> fragile_server::start() {
  disk_.power_on();
  auto db = store::open_sqlite({.path = path_, .vfs = disk_.name()});
  if (!db)
    return db.error();
  auto fresh = std::make_unique<life>(std::move(*db), random_seed());
  if (auto ok = cli::ensure_namespace(*fresh->db, fresh->time, {.name = "default"}); !ok)
    return ok;
  fresh->start();
  if (!fresh->wait_until_serving())
    return make_error(errc::unavailable, "the server does not serve");
  std::unique_lock lock{mutex_};
  life_ = std::move(fresh);
  return {};
}

bool fragile_server::serves() {
  std::shared_lock lock{mutex_};
  if (!life_)
    return false;
  std::lock_guard inner{life_->mutex};
  return life_->serving;
}

template <class Crash>
void fragile_server::cut(Crash crash) {
  {
    std::shared_lock lock{mutex_};
    // The wire before the disk: an answer that left rests on what was synced before.
    life_->line->cut();
    crash();
  }
  std::unique_lock lock{mutex_};
  life_.reset();
}

void fragile_server::cut_power() {
  cut([this] { disk_.crash(); });
}

void fragile_server::cut_power_keeping_some(std::uint64_t seed) {
  cut([this, seed] { disk_.crash_keeping_some(seed); });
}

result<std::string> fragile_server::call(const std::string& method, const std::string& request,
                                         duration patience) {
  auto out = std::make_shared<outcome>();
  frontend::call::ptr handle;
  {
    std::shared_lock lock{mutex_};
    auto line = life_ ? life_->line : nullptr;
    if (!line || !line->add(out))
      return make_error(errc::unavailable, "the power is off");
    handle = life_->server->front().serve(
      service_path + method, request, {}, life_->time.now() + patience,
      [out, line](result<std::string> r) { line->deliver(out, std::move(r)); });
  }
  std::unique_lock lock{out->mutex};
  if (out->arrived.wait_for(lock, patience, [&out] { return out->answer.has_value(); }))
    return std::move(*out->answer);
  return make_error(errc::deadline_exceeded, "no answer in time");
}

} // namespace reprise::crash
