#pragma once

#include "actors/node/services.hpp"
#include "actors/queue/queue_directory.hpp"
#include "actors/queue/queue_places.hpp"
#include "base/metrics.hpp"
#include "cluster/link/carrier.hpp"
#include "cluster/router/known_actors.hpp"
#include "cluster/router/outbound.hpp"
#include "cluster/router/places.hpp"

#include <caf/fwd.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

namespace reprise::cluster {

struct router_options {
  /// The life of this process, by which its link is known: whoever is to be answered is in it.
  link::incarnation mine = 0;
  /// What is for a range that nobody has, or whose owner is not connected, waits for so long, and
  /// together takes so many bytes.
  duration wait_max = std::chrono::seconds{3};
  std::size_t waiting_bytes_max = 32U << 20;
  /// What waits for room in the link, of each node.
  std::size_t link_bytes_max = 64U << 20;
  /// Of those that stood for ranges which have moved since; of older ones nobody hears any more
  /// that what they sent is lost.
  std::size_t former_max = 1024;
  /// How often something may come to a node that does not have what it is for.
  std::uint32_t hops_max = 16;
  /// A pause before it is sent again, times the hops it had.
  duration hop_pause = std::chrono::milliseconds{20};
};

/// Knows where each slot and each queue lives, and carries messages to actors of other nodes and
/// back. In this node an actor stands for each range that another one has: it takes what a slot
/// takes, and one for each queue. What is told down there is told here as of a slot or a queue that
/// died.
///
/// Sent again is only what was surely not decided: it could not be sent, or came back. Thread-safe.
class router final : public link::receiver, public actors::queue_places {
public:
  router(caf::actor_system& system, actors::services& shared, actors::queue_directory& queues,
         metrics& m, router_options options);
  ~router() override;

  router(const router&) = delete;
  router& operator=(const router&) = delete;

  /// Before anything is sent; null: nothing is sent any more. It outlives this, or stop().
  void use(link::carrier* by);
  /// Who has what has changed. That this node is to have a range does not mean that it has it yet.
  void on_places(const places& now);
  /// What this node serves, from now on: told before slots are given up, and when those that were
  /// taken can take calls.
  void on_held(const held_ranges& now);
  /// Ends what stands for others' actors. From now on nothing is carried.
  void stop(const std::function<void()>& run_all);

  // -- from the actors that stand here for others'

  /// To whoever has the slot; its kind of failure is told when nobody has.
  void to_slot(routed::Routed&& what);
  /// False when it is not connected, or there is no room.
  bool to_node(link::incarnation node, const routed::Routed& what);
  void give_back(store::slot_id slot, actors::returned_task_ptr task);
  /// Nobody has used what stands for it for long.
  void retire(const store::queue_key& queue, const queue_actor& stand_in);

  /// Nothing is kept here that is to go on, or to be taken back.
  bool is_idle();

  known_actors& known() noexcept {
    return *known_;
  }

  // -- what happened in this node

  /// Something was given to others: they are to see what.
  void have_others_look();
  /// This slot's actor died: calls that others sent to it are lost.
  void on_slot_lost(store::slot_id slot);
  void on_queue_lost(const store::queue_key& queue) override;

  bool is_here(const store::queue_key& queue) const override;
  queue_actor stand_in(const store::queue_key& queue) override;

  // -- of the link

  bool knows(std::uint32_t kind) const override;
  void on_up(const link::peer& who) override;
  void on_down(const link::peer& who, const std::string& why) override;
  void on_room(link::incarnation who, link::lane on) override;
  void on_envelope(link::received what) override;

private:
  using ranges = std::vector<store::range_id>;

  struct waiting {
    routed::Routed what{};
    std::size_t bytes = 0;
    /// Boot time.
    duration until{};
  };

  /// It stood for a range while that was at this address: calls that it sent may be there still.
  struct former {
    store::range_id range = 0;
    /// Where what it sent may be.
    std::set<std::string> addresses{};
    slot_actor stand_in{};
  };

  struct returning {
    store::slot_id slot = 0;
    actors::returned_task_ptr task{};
  };

  bool is_ours(store::range_id range) const noexcept {
    return ours_[range].load(std::memory_order_acquire);
  }

  // -- sending (router.cpp); under the lock
  /// Nothing: it is on its way, or waits. Else it is for this node, or cannot be had.
  enum class fate : std::uint8_t {
    gone,
    is_here,
    failed,
  };
  /// 0: it is not connected.
  link::incarnation connected(std::uint64_t owner) const;
  ranges ranges_at(const std::string& address) const;
  fate try_to_send(routed::Routed& what);
  fate wait(routed::Routed& what);
  void flush(const ranges& which);
  /// What was sent by those that stood for the range before goes to its present owner.
  void note_resent(store::range_id range);
  /// Those since this ticket.
  void send_returns(const ranges& which, std::uint64_t since = 0);
  void arm();
  void on_tick();

  // -- the map (places.cpp)
  ranges take_places(const places& now);
  void remember_addresses(const places& now);
  void tell_all(const routed::Routed& what);
  void call_members(const places& now);
  void point(store::range_id range);
  void after_change(const ranges& changed);
  /// What this node's runs have for that queue; without a name, for any.
  void offer_again(const store::queue_key& queue);
  void take_returns();
  /// Another actor stands for this range, which is at another node now.
  void replace_stand_in(store::range_id range, std::uint64_t owner_before);
  void review_queues(const ranges& which);
  /// Calls that were sent by these are lost.
  void lose(const std::vector<slot_actor>& stand_ins);

  // -- what came (inbound.cpp); without the lock
  void deliver(link::incarnation from, routed::Routed&& what);
  /// Whether it may be given to the slot or queue that it names, as far as its sender is to know.
  bool is_sound(const routed::Routed& what);
  bool is_up(link::incarnation who);
  /// `from`: 0 is this node.
  void deliver_here(routed::Routed&& what, link::incarnation from = 0);
  bool can_be_told(const routed::Caller& caller);
  void deliver_to_slot(routed::Routed&& what);
  void deliver_to_queue(link::incarnation from, routed::Routed&& what);
  void take_answer(link::incarnation from, routed::Answer& answer);
  void take_outcome(const routed::HandedOut& told);
  void end_return(std::uint64_t ticket);
  void take_lost_slot(store::slot_id slot);
  void take_lost_queue(const store::queue_key& queue);
  void take_bounced(routed::Routed&& what);
  void again_later(routed::Routed&& what);
  static const routed::Queue& queue_named(const routed::Routed& what);
  /// Nobody could be asked.
  void fail(routed::Routed& what);
  void bounce(link::incarnation to, routed::Routed&& what);

  caf::actor_system& system_;
  actors::services& shared_;
  actors::queue_directory& queues_;
  const router_options options_;
  counter& sent_;
  counter& received_;
  counter& bounced_;
  counter& failed_;
  const std::shared_ptr<known_actors> known_;
  caf::actor ticker_;
  std::array<std::atomic<bool>, store::range_count> ours_{};

  std::mutex mutex_;
  // Under the lock.
  /// As places has them.
  std::uint64_t self_ = 0;
  std::array<std::uint64_t, store::range_count> owners_{};
  /// By range.
  std::vector<slot_actor> stand_ins_;
  std::deque<former> former_;
  outbound out_;
  link::carrier* carrier_ = nullptr;
  /// Of all members, and of those that have a range still, by incarnation.
  std::map<std::uint64_t, std::string> addresses_;
  /// Who is connected, by address.
  std::map<std::string, link::incarnation> connected_;
  /// Others' addresses that are called.
  std::set<std::string> reached_;
  std::map<store::range_id, std::deque<waiting>> waiting_;
  std::size_t waiting_bytes_ = 0;
  /// Came back, and waits for its next try (boot time).
  std::multimap<duration, routed::Routed> later_;
  std::map<std::uint64_t, returning> returns_;
  std::uint64_t last_return_ = 0;
  bool armed_ = false;
  bool stopped_ = false;
};

} // namespace reprise::cluster
