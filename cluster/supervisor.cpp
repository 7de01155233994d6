#include "cluster/supervisor.hpp"

#include "base/log.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <exception>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>

namespace reprise::cluster {

namespace {

using actors::ward;
using ward_ptr = std::shared_ptr<ward>;

class supervisor final : public supervisor_actor::base {
public:
  supervisor(caf::actor_config& config, const class clock& time, metrics& m,
             supervisor_options options)
    : supervisor_actor::base(config), time_(time), metrics_(m), options_(std::move(options)) {
  }

  behavior_type make_behavior() override {
    set_down_handler([this](const caf::down_msg& m) { on_down(m); });
    return {
      [this](watch_atom, const ward_ptr& w) {
        // Whoever scrapes sees the first death as one more than none.
        deaths_of(w->kind);
        auto all = std::exchange(w->watched, {});
        for (std::size_t i = 0; i < all.size(); ++i)
          watch({w, i}, all[i]);
      },
      [this](tick_atom, std::uint64_t ticket) {
        auto found = later_.extract(ticket);
        if (found)
          found.mapped()();
      },
    };
  }

private:
  /// One of a ward's actors, whoever it is now.
  struct place {
    ward_ptr of{};
    std::size_t index = 0;

    friend auto operator<=>(const place& a, const place& b) = default;
  };

  struct record {
    int deaths = 0;
    std::chrono::nanoseconds last{};
  };

  counter& deaths_of(const std::string& kind) {
    return metrics_.counter("reprise_actors_died_total", "Actors that died of an error, by kind.",
                            {{"kind", kind}});
  }

  void watch(const place& where, const caf::actor& who) {
    watched_[who.id()] = where;
    monitor(who);
  }

  void on_down(const caf::down_msg& m) {
    auto found = watched_.extract(m.source.id());
    if (!found || m.reason == caf::exit_reason::user_shutdown)
      return;
    const auto& where = found.mapped();
    const auto& kind = where.of->kind;
    deaths_of(kind).add();
    log(log_level::error, "an actor died: " + kind + " " + std::to_string(where.index));
    if (!where.of->begin_again)
      return fail("its " + kind + " died");
    begin_again(where);
  }

  void begin_again(const place& where) {
    try {
      auto next = where.of->begin_again(where.index);
      if (!next)
        return;
      watch(where, next);
    } catch (...) {
      log_thrown(log_level::error, {"no ", where.of->kind, " could be begun"});
      return after(options_.pause_first, [this, where] { begin_again(where); });
    }
    if (!where.of->go_on)
      return;
    auto pause = pause_of(where);
    if (pause > duration{0})
      after(pause, [where] { where.of->go_on(where.index); });
    else
      where.of->go_on(where.index);
  }

  /// None, unless the same one died a short while ago, too.
  duration pause_of(const place& where) {
    auto now = time_.boot_time();
    auto& r = records_[where];
    if (r.deaths > 0 && now - r.last >= options_.lived_well)
      r.deaths = 0;
    r.last = now;
    constexpr int doublings_max = 16;
    auto again = r.deaths++;
    if (again == 0)
      return duration{0};
    return std::min(options_.pause_max,
                    options_.pause_first * (1 << std::min(again - 1, doublings_max)));
  }

  void after(duration pause, std::function<void()> job) {
    later_.emplace(++ticket_, std::move(job));
    delayed_send(this, pause, tick_atom_v, ticket_);
  }

  void fail(const std::string& why) {
    if (!std::exchange(has_failed_, true) && options_.on_failed)
      options_.on_failed(why);
  }

  const class clock& time_;
  metrics& metrics_;
  supervisor_options options_;
  std::unordered_map<caf::actor_id, place> watched_;
  std::map<place, record> records_;
  std::map<std::uint64_t, std::function<void()>> later_;
  std::uint64_t ticket_ = 0;
  bool has_failed_ = false;
};

} // namespace

supervisor_actor spawn_supervisor(caf::actor_system& system, const clock& time, metrics& m,
                                  supervisor_options options) {
  return system.spawn<supervisor>(time, m, std::move(options));
}

} // namespace reprise::cluster
