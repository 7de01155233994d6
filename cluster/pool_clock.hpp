#pragma once

#include <caf/detail/simple_actor_clock.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

namespace reprise::cluster {

/// The clock of a worker_pool: its workers deliver what is due, so no thread of its own wakes up
/// for each message that is to be sent later. Thread safe.
class pool_clock final : public caf::detail::simple_actor_clock {
public:
  using super = caf::detail::simple_actor_clock;

  void set_ordinary_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type,
                            std::uint64_t id) override;
  void set_multi_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type,
                         std::uint64_t id) override;
  void set_request_timeout(time_point t, caf::abstract_actor* self, caf::message_id id) override;
  void cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) override;
  void cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) override;
  void cancel_timeouts(caf::abstract_actor* self) override;
  void schedule_message(time_point t, caf::strong_actor_ptr receiver,
                        caf::mailbox_element_ptr content) override;
  void schedule_message(time_point t, caf::group target, caf::strong_actor_ptr sender,
                        caf::message content) override;
  void cancel_all() override;

  /// Told when something is due earlier than all that was there.
  void on_sooner(std::function<void()> tell) {
    tell_ = std::move(tell);
  }

  /// Delivers what is due.
  void deliver();
  /// When the next is due.
  std::optional<time_point> next() const;

private:
  template <class Change>
  void change(Change what);

  static constexpr auto never = std::chrono::steady_clock::duration::max().count();

  // Recursive: what a delivery drops may cancel timeouts.
  mutable std::recursive_mutex mutex_;
  std::atomic<std::chrono::steady_clock::rep> next_{never};
  std::function<void()> tell_;
};

} // namespace reprise::cluster
