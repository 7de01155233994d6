#pragma once

// Whole servers, front doors included, on one store in memory and one simulated network; each has
// some of the ranges, as the test says. One thread, virtual time.

#include "cluster/link/simulated_network.hpp"
#include "cluster/router/router.hpp"
#include "cluster/router/stand_ins.hpp"
#include "tests/support/server_fixture.hpp"

#include <caf/send.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace reprise::testing {

using namespace std::chrono_literals;

class cluster_fixture {
public:
  using server = server_fixture;

  explicit cluster_fixture(std::size_t n) {
    set_log_level(log_level::error);
    cluster::places at_first;
    for (std::size_t i = 0; i < n; ++i)
      at_first.members.push_back({.incarnation = i + 1, .address = address(i)});
    for (std::uint32_t r = 0; r < store::range_count; ++r)
      at_first.owners[r] = r % n + 1;
    for (std::size_t i = 0; i < n; ++i)
      begin(i);
    assign(at_first);
    step(200ms);
  }

  ~cluster_fixture() {
    for (std::size_t i = 0; i < servers_.size(); ++i)
      kill(i);
  }

  cluster_fixture(const cluster_fixture&) = delete;
  cluster_fixture& operator=(const cluster_fixture&) = delete;

  server& at(std::size_t i) {
    return *servers_[i];
  }

  link::simulated_network& network() {
    return net_;
  }

  static std::string address(std::size_t i) {
    return "node" + std::to_string(i) + ":1";
  }

  const cluster::places& now() const {
    return places_;
  }

  /// As behind `kill -9`.
  void kill(std::size_t i) {
    if (!servers_[i])
      return;
    if (auto* route = servers_[i]->server().node().route())
      route->use(nullptr);
    links_[i].reset();
    servers_[i].reset();
  }

  /// Lets time pass, in all of them at the same pace.
  void step(duration d) {
    constexpr duration grain = 1ms;
    run();
    for (; d > duration{0}; d -= grain) {
      now_ += grain;
      for (auto& s : servers_)
        if (s)
          s->scheduler.advance_time(grain);
      run();
    }
  }

  /// These own their ranges from now on. Whoever loses one hears of it first, as from a keeper.
  void assign(const cluster::places& next) {
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      tell_held(i, held(i, next) & held(i, places_));
      for (std::uint32_t slot = 0; servers_[i] && slot < store::slot_count; ++slot)
        if (next.owners[slot / store::slots_a_range] != i + 1)
          tell_epoch(i, slot, 0);
    }
    run();
    for (std::uint32_t slot = 0; slot < store::slot_count; ++slot)
      if (auto owner = next.owners[slot / store::slots_a_range];
          owner != 0 && owner != places_.owners[slot / store::slots_a_range])
        take(owner - 1, slot);
    run();
    places_ = next;
    for (std::size_t i = 0; i < servers_.size(); ++i)
      tell_held(i, held(i, next));
    for (std::size_t i = 0; i < servers_.size(); ++i)
      tell_places(i);
    run();
  }

  void tell_places(std::size_t i) {
    tell_places(i, places_);
  }

  /// What this one is to believe.
  void tell_places(std::size_t i, cluster::places what) {
    what.self = i + 1;
    if (servers_[i])
      servers_[i]->server().node().route()->on_places(what);
  }

  static cluster::held_ranges held(std::size_t i, const cluster::places& of) {
    cluster::held_ranges out;
    for (std::uint32_t r = 0; r < store::range_count; ++r)
      out[r] = of.owners[r] == i + 1;
    return out;
  }

  void tell_held(std::size_t i, const cluster::held_ranges& what) {
    if (!servers_[i])
      return;
    auto& lease = servers_[i]->server().node().shared().own_lease;
    for (std::uint32_t r = 0; r < store::range_count; ++r)
      what[r] ? lease.serve(static_cast<store::range_id>(r))
              : lease.lose(static_cast<store::range_id>(r));
    auto& node = servers_[i]->server().node();
    node.route()->on_held(what);
    caf::anon_send(node.shared().timer.get(), epoch_atom_v, what.any());
  }

  void tell_epoch(std::size_t i, std::uint32_t slot, store::epoch_number epoch) {
    auto& shared = servers_[i]->server().node().shared();
    caf::anon_send(shared.slots[slot].get(), epoch_atom_v, epoch);
  }

  // -- names that live where a test wants them ---------------------------------------------------

  std::string workflow_of(std::size_t i, const std::string& stem = "workflow") {
    return name_of(i, stem, [](const std::string& ns, const std::string& id) {
      return store::slot_of(ns, machine_kind::workflow, id);
    });
  }

  std::string queue_of(std::size_t i, int kind = 1, const std::string& stem = "queue") {
    return name_of(i, stem, [kind](const std::string& ns, const std::string& id) {
      return cluster::slot_of({.namespace_id = ns, .name = id, .kind = kind});
    });
  }

  // -- calls -------------------------------------------------------------------------------------

  /// A call of this server that is answered within the time.
  template <class Request>
  result<std::string> answer_to(std::size_t i, const Request& request, duration within = 100ms,
                                const call_options& o = {}) {
    auto made = at(i).send_request(request, o);
    for (duration waited{0}; waited <= within && !made.answered(); waited += 1ms)
      step(1ms);
    REQUIRE_MESSAGE(made.answered(), method_of(request));
    CHECK(*made.answers == 1);
    return made.answer();
  }

  template <class Response, class Request>
  Response
  ok(std::size_t i, const Request& request, duration within = 100ms, const call_options& o = {}) {
    return server::read<Response>(answer_to(i, request, within, o));
  }

private:
  void begin(std::size_t i) {
    virtual_server_options o;
    o.store = store_;
    o.node.seed = i + 1;
    o.node.self.life = i + 101;
    o.node.route.emplace();
    servers_.push_back(std::make_unique<server>(std::move(o)));
    auto& route = *servers_.back()->server().node().route();
    links_.push_back(net_.join({.cluster_id = "a cluster",
                                .life = i + 101,
                                .name = "node" + std::to_string(i),
                                .address = address(i)},
                               {}, route, servers_.back()->registry));
    route.use(links_.back().get());
    // The test is the keeper.
    auto& shared = servers_.back()->server().node().shared();
    caf::anon_send(shared.keeper, stop_atom_v);
    servers_.back()->run();
    shared.own_lease.grant_forever();
  }

  void run() {
    auto is_moving = true;
    while (is_moving) {
      is_moving = false;
      for (auto& s : servers_)
        is_moving = (s && s->scheduler.run() > 0) || is_moving;
      while (!events_.empty() && events_.begin()->first <= now_) {
        auto next = std::move(events_.extract(events_.begin()).mapped());
        next();
        is_moving = true;
      }
    }
  }

  void take(std::size_t i, std::uint32_t slot) {
    auto id = static_cast<store::slot_id>(slot);
    auto& shared = servers_[i]->server().node().shared();
    auto& epoch = epochs_[id];
    // Every server took all of them when it began.
    if (epoch == 0)
      epoch = servers_.size();
    auto next = store_->raise_epoch(id, epoch);
    REQUIRE(next);
    epoch = *next;
    shared.epochs.set(id, epoch);
    tell_epoch(i, slot, epoch);
  }

  template <class SlotOf>
  std::string name_of(std::size_t i, const std::string& stem, SlotOf&& slot_of) {
    auto entry = at(alive()).server().node().namespaces().find("default");
    REQUIRE(entry);
    for (int n = 0;; ++n) {
      auto name = stem + std::to_string(n);
      if (places_.owners[store::range_of(slot_of(entry->record.info().id(), name))] == i + 1)
        return name;
    }
  }

  std::size_t alive() const {
    for (std::size_t i = 0; i < servers_.size(); ++i)
      if (servers_[i])
        return i;
    return 0;
  }

  std::shared_ptr<store::store> store_{store::open_memory()};
  duration now_{std::chrono::hours{1}};
  std::multimap<duration, std::function<void()>> events_;
  std::uint64_t chance_ = 1;
  link::simulated_network net_{
    {.now = [this] { return link::time_point{now_}; },
     .later = [this](link::simulated_network::span in,
                     std::function<void()> what) { events_.emplace(now_ + in, std::move(what)); },
     .chance
     = [this] { return chance_ = chance_ * 6364136223846793005ULL + 1442695040888963407ULL; }}};
  cluster::places places_;
  std::map<store::slot_id, store::epoch_number> epochs_;
  std::vector<std::unique_ptr<server>> servers_;
  std::vector<std::unique_ptr<link::carrier>> links_;
};

} // namespace reprise::testing
