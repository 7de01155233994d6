#pragma once

#include "actors/node/listener.hpp"
#include "actors/node/services.hpp"
#include "actors/queue/queue_directory.hpp"
#include "base/ids.hpp"
#include "frontend/backend/backend.hpp"
#include "frontend/poll/leaving_workers.hpp"

#include <caf/fwd.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace reprise::frontend {

class call_table;
struct waiting_call;
/// Whoever does the server's own work hears of it by this.
using own_work = actors::listener<const cluster::Task&>;

/// The backend over actors: the one place where threads that are no actors talk to actors. Calls go
/// straight to the actor that serves them; a few bridge actors take the answers. A call's handler
/// runs on the thread of a bridge actor, or of who ends the call. Everything it is given must
/// outlive it; stop() first, then end the actors.
class bridge final : public backend {
public:
  struct options {
    std::size_t bridges = 4;
    std::uint64_t seed = 0;
    /// See cluster::node_options.
    std::function<void()> run_all{};
    leaving_workers::bounds leaving{};
  };

  bridge(caf::actor_system& system, actors::services& shared, actors::queue_directory& queues,
         options o);
  ~bridge() override;

  bridge(const bridge&) = delete;
  bridge& operator=(const bridge&) = delete;

  std::uint64_t call(cluster::ExecutionRequest&& request, bool waits, reply_handler done) override;
  std::uint64_t poll(cluster::Poll&& poll, reply_handler done) override;
  std::uint64_t describe_queue(const std::string& namespace_id, const std::string& queue, int kind,
                               std::string request, reply_handler done) override;
  void cancel(std::uint64_t call) override;
  void end_waiting() override;
  void queue_configured(const std::string& namespace_id, const std::string& queue,
                        int kind) override;
  void end_polls(const leaving_worker& worker) override;
  void give_back(std::string_view task_token) override;
  void do_own_work(std::function<void(const cluster::Task&)> take) override;
  bool run_blocking(std::function<void(store::store&)> job) override;
  bool run_scan(std::function<void(store::store&)> job) override;
  actors::namespace_registry& namespaces() override;
  const actors::parked_list& parked() const override;
  bool serving() const override;
  const clock& time() const override;
  std::string new_uuid() override;

  /// Returns when every answer that was on its way to the bridge actors has gone through them. Not
  /// from an actor's thread.
  void settle();

  /// One of those that take the answers, for tests that kill it.
  const bridge_actor& actor(std::size_t index) const {
    return actors_[index % actors_.size()].get();
  }

  /// Answers every call under way UNAVAILABLE, and those that come later. Ends the bridge actors.
  void stop();

private:
  /// What the supervisor may still call when the bridge has ended.
  struct watched;

  const bridge_actor& actor_of(std::uint64_t id) const;
  /// The same for a call that is being added, which takes note of it.
  const bridge_actor& actor_for(std::uint64_t id, waiting_call& added) const;
  void begin_actors();
  caf::actor begin_own_queue();
  /// Another one in the place of a bridge actor that died: whoever waits for an answer through
  /// that one would wait in vain.
  bridge_actor begin_again(std::size_t index);
  std::uint64_t refuse(waiting_call c);
  /// Has the queue answer this poll at once.
  void finish(std::uint64_t id, waiting_call& c);
  void send_again(const store::queue_key& lost);
  void on_slot_lost(const slot_actor& lost);

  caf::actor_system& system_;
  actors::services& shared_;
  actors::queue_directory& queues_;
  options options_;
  std::shared_ptr<call_table> calls_;
  std::vector<actors::handle_cell<bridge_actor>> actors_;
  std::shared_ptr<watched> watched_;
  /// Takes the server's own work; null until somebody wants it.
  actors::handle_cell<queue_actor> own_queue_;
  std::shared_ptr<own_work> own_work_;
  leaving_workers leaving_;
  /// See end_waiting(). Read under the lock of the call that is added: it is seen there, or the
  /// call by who sets it.
  std::atomic<bool> waiting_ended_{false};
  std::mutex ids_mutex_;
  seeded_ids ids_;
  bool stopped_ = false;
};

} // namespace reprise::frontend
