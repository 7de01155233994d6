#include "frontend/transport/grpc_server.hpp"

#include "frontend/transport/health.hpp"
#include "frontend/transport/loop.hpp"
#include "frontend/transport/reflection.hpp"
#include "frontend/transport/socket.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace reprise::frontend {

namespace {

constexpr const char* workflow_service = "temporal.api.workflowservice.v1.WorkflowService";
constexpr const char* operator_service = "temporal.api.operatorservice.v1.OperatorService";
constexpr const char* own_service = "reprise.operatorservice.v1.OperatorService";
constexpr const char* health_service = "grpc.health.v1.Health";
constexpr const char* reflection_service = "grpc.reflection.v1.ServerReflection";
constexpr const char* old_reflection_service = "grpc.reflection.v1alpha.ServerReflection";

/// What the answer to the longest poll may take beyond it.
constexpr duration spare = std::chrono::seconds{10};

/// A worker's loop, and the one service that has something of its own in each of them.
struct lane {
  std::unique_ptr<health_watch> watches;
  std::unique_ptr<transport_loop> loop;
};

class server final : public grpc_server {
public:
  server(service& front, cluster::worker_pool& workers, const transport_limits& limits)
    : front_(front), workers_(workers), limits_(limits), meters_(front.measured()) {
  }

  ~server() override {
    stop(std::chrono::milliseconds{0});
  }

  result<void> listen(const grpc_options& options) {
    auto sockets = listen_on(options.ip, options.port);
    if (!sockets)
      return std::move(sockets).error();
    port_ = sockets->port;
    if (limits_.connections_max == 0)
      limits_.connections_max = room_for_clients();
    transport_settings settings{
      .times = options.times, .limits = limits_, .certificates = options.certificates};
    // A connection that ends waits for its polls, however long they are set to be.
    settings.times.last_calls = std::max(settings.times.last_calls, front_.longest_poll() + spare);
    for (std::size_t i = 0; i < workers_.num_workers(); ++i) {
      auto watches = std::make_unique<health_watch>(health_);
      auto loop = std::make_unique<transport_loop>(front_, routes(*watches), settings, meters_);
      lanes_.push_back({.watches = std::move(watches), .loop = std::move(loop)});
    }
    lanes_.front().loop->listen(std::move(sockets->sockets),
                                [this](file_descriptor taken) { distribute(std::move(taken)); });
    for (std::size_t i = 0; i < lanes_.size(); ++i)
      workers_.attach(i, lanes_[i].loop.get());
    set_serving(true);
    return {};
  }

  int port() const override {
    return port_;
  }

  void set_serving(bool serving) override {
    health_.serving = serving;
    tell_watches();
  }

  void stop(std::chrono::milliseconds patience) override {
    if (std::exchange(is_stopped_, true))
      return;
    auto ends = std::chrono::steady_clock::now() + patience;
    health_.stopped = true;
    tell_watches();
    front_.drain();
    for (auto& l : lanes_)
      l.loop->drain();
    for (auto& l : lanes_) {
      auto left
        = std::chrono::ceil<std::chrono::milliseconds>(ends - std::chrono::steady_clock::now());
      l.loop->wait_until_idle(std::max(left, std::chrono::milliseconds{0}));
    }
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      lanes_[i].loop->cut();
      lanes_[i].loop->wait_until_idle(std::nullopt);
      workers_.attach(i, nullptr);
    }
  }

private:
  route_table routes(health_watch& watches) {
    route_table out;
    for (const auto& m : front_.methods())
      out.emplace(m->path, route{.api = m.get()});
    auto add = [&out](const char* name, const char* method, side_service& by) {
      out.emplace(std::string{"/"} + name + "/" + method, route{.side = &by});
    };
    add(health_service, "Check", check_);
    add(health_service, "Watch", watches);
    add(reflection_service, "ServerReflectionInfo", reflection_);
    add(old_reflection_service, "ServerReflectionInfo", reflection_);
    return out;
  }

  static std::size_t room_for_clients() {
    constexpr std::size_t needed = 256;
    constexpr std::size_t least = 64;
    auto all = raise_descriptor_limit();
    return all > needed + least ? all - needed : least;
  }

  /// To whoever has fewest.
  void distribute(file_descriptor taken) {
    std::size_t all = 0;
    for (const auto& l : lanes_)
      all += l.loop->load();
    if (all >= limits_.connections_max) {
      meters_.refused_connections.add();
      return;
    }
    auto least = std::min_element(lanes_.begin(), lanes_.end(), [](const lane& a, const lane& b) {
      return a.loop->load() < b.loop->load();
    });
    least->loop->adopt(std::move(taken));
  }

  void tell_watches() {
    for (auto& l : lanes_)
      l.loop->run_soon([watches = l.watches.get()] { watches->tell(); });
  }

  service& front_;
  cluster::worker_pool& workers_;
  transport_limits limits_;
  transport_meters meters_;
  health_state health_{.names = {workflow_service, operator_service},
                       .watches_max = limits_.watches_max,
                       .refused = &meters_.refused_watches};
  health_check check_{health_};
  reflection reflection_{
    {workflow_service, operator_service, own_service, health_service, reflection_service}};
  std::vector<lane> lanes_;
  int port_ = 0;
  bool is_stopped_ = false;
};

} // namespace

result<std::unique_ptr<grpc_server>>
grpc_server::start(service& front, cluster::worker_pool& workers, const grpc_options& options) {
  auto made = std::make_unique<server>(front, workers, options.limits);
  if (auto listens = made->listen(options); !listens)
    return make_error(errc::unavailable,
                      "cannot listen on " + address_text(options.ip, options.port) + " ("
                        + listens.error().message + "); is another server running there?");
  return std::unique_ptr<grpc_server>{std::move(made)};
}

} // namespace reprise::frontend
