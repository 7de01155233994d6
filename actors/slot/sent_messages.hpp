#pragma once

#include "actors/node/bounds.hpp"
#include "base/clock.hpp"
#include "protocol/outbox.pb.h"

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace reprise::actors {

/// The id of a message, as inboxes have it; also that of the message that an answer is to.
template <class Message>
std::string message_id(const Message& m) {
  return m.run_id() + ":" + std::to_string(m.number()) + ":" + std::to_string(m.word());
}

/// The run in whose outbox the message stands.
inline const std::string& holder_of(const outbox::Message& m) {
  return m.held_by().empty() ? m.run_id() : m.held_by();
}

/// How many messages without an answer the slots of a node hold, and about their bytes; how many
/// the inboxes of its slots were given since it began, and how many copies of histories were made
/// in vain.
struct message_level {
  std::atomic<std::size_t> messages{0};
  std::atomic<std::size_t> bytes{0};
  std::atomic<std::uint64_t> remembered{0};
  std::atomic<std::uint64_t> copies_in_vain{0};
};

/// What the durable actors of one slot have sent to others and have no answer to: what leaves when.
/// From one actor to another messages go one after another; each goes again until its answer is
/// here, after 1 s, 2 s, … 60 s. Holds no truth: the messages stand in the states of their runs. Of
/// those for which there is no room only the run is known, which is asked for them again. Reads no
/// clock: `now` is boot time. A plain value.
class sent_messages {
public:
  /// The longest pause between two copies, and the first.
  static constexpr duration longest_pause = std::chrono::seconds{60};
  static constexpr duration first_pause = std::chrono::seconds{1};

  sent_messages(const message_bounds& bounds, message_level& level)
    : bounds_(bounds), level_(level) {
  }

  ~sent_messages() {
    clear();
  }

  sent_messages(const sent_messages&) = delete;
  sent_messages& operator=(const sent_messages&) = delete;

  /// A copy that is to leave now.
  struct copy {
    outbox::Address from{};
    std::shared_ptr<const outbox::Message> message{};
    /// Another may have left before.
    bool again = false;
  };

  /// A run that is to be asked for its messages.
  struct question {
    outbox::Address sender{};
    std::string run_id{};

    friend bool operator<(const question& a, const question& b) {
      return std::forward_as_tuple(a.run_id, a.sender.id())
             < std::forward_as_tuple(b.run_id, b.sender.id());
    }
  };

  /// What is due.
  struct due {
    std::vector<copy> copies{};
    std::vector<question> questions{};
    /// Messages that are due and not here.
    std::size_t without_content = 0;
  };

  /// A message is durable, and to be sent; nothing happens when it is known. `again`: copies of it
  /// may have left. False: there is no room for it.
  bool add(const outbox::Address& from, outbox::Message message, bool again, duration now);
  /// The run is to be asked for its messages then.
  void ask(question about, duration at);
  /// Its answer is durable; whatever waited for it goes next. False: it is not known.
  bool answered(const std::string& id, duration now);
  due take_due(duration now);
  /// When something is due next.
  std::optional<duration> next() const;
  void clear() noexcept;

  std::size_t size() const noexcept {
    return items_.size();
  }

private:
  struct item {
    std::string id{};
    outbox::Address from{};
    std::string run_id{};
    std::int64_t number = 0;
    std::string route{};
    /// Null: its run has to be asked for it.
    std::shared_ptr<const outbox::Message> content{};
    std::size_t bytes = 0;
    bool again = false;
    int copies = 0;
    duration due{};
    /// It left within the last second; until then.
    std::optional<duration> window{};
    /// Tells items apart that are due together.
    std::uint64_t order = 0;
  };

  using place = std::tuple<duration, std::uint64_t, item*>;

  static std::string route_of(const outbox::Address& from, const outbox::Address& to);
  void keep(item& x, outbox::Message message);
  void drop_content(item& x) noexcept;
  void make_ready(item& x, duration at);
  void leave_window(item& x);
  bool is_first(const item& x) const;

  const message_bounds& bounds_;
  message_level& level_;
  std::uint64_t last_order_ = 0;
  std::unordered_map<std::string, std::unique_ptr<item>> items_;
  /// By sender and receiver, in the order in which they go.
  std::unordered_map<std::string, std::deque<item*>> routes_;
  /// The first of each route.
  std::set<place> ready_;
  std::set<place> window_;
  std::map<question, duration> questions_;
};

} // namespace reprise::actors
