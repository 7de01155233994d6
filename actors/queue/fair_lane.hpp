#pragma once

#include "actors/queue/held_task.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace reprise::actors {

/// The tasks of one priority in the memory of their queue. Those of one fairness key stay in the
/// order in which they came; the keys take turns by the places of their first tasks. A plain value.
///
/// Places are virtual time: a task's is that of the one before it with its key, or now if that is
/// past, and a stride that is the longer the smaller its weight is (start-time fair queueing). So a
/// key that floods its queue is far ahead of the present, and one that comes now stands at the
/// front.
class fair_lane {
public:
  /// `keys_max`: keys whose last place is remembered; of more, those are forgotten that are least
  /// ahead.
  explicit fair_lane(std::size_t keys_max) : keys_max_(keys_max) {
  }

  ~fair_lane() = default;
  // Turns point into groups, which stay where they are when a lane is moved.
  fair_lane(fair_lane&&) = default;
  fair_lane& operator=(fair_lane&&) = delete;
  fair_lane(const fair_lane&) = delete;
  fair_lane& operator=(const fair_lane&) = delete;

  bool empty() const noexcept {
    return size_ == 0;
  }

  std::size_t size() const noexcept {
    return size_;
  }

  /// The next place of a key of that weight.
  std::int64_t next_place(const std::string& key, double weight);

  /// Behind the others of its key. It has a place; `weight`: that of its key.
  void push_back(held_task t, double weight);
  /// Before the others of its key.
  void push_front(held_task t);

  /// A key that is not to have its turn before that time; nothing: it may.
  using key_wait = std::function<std::optional<time_point>(const cluster::Task&)>;

  /// The first task whose key need not wait; nothing when all have to. The keys that `wait` tells
  /// to wait are passed over until then.
  std::optional<held_task> pop(time_point now, const key_wait& wait);
  /// When pop() may have something again that it has not now; nothing when no key waits.
  std::optional<time_point> next_time() const;
  /// All keys that wait are to be asked again.
  void ask_again();

  /// The one whose turn it is, whether or not it has to wait; null when there is none.
  const held_task* first() const;
  /// The task that this holds for; null when there is none.
  held_task* find(const std::function<bool(const held_task&)>& holds);

  template <class Visitor>
  void for_each(Visitor&& visit) {
    for (auto& [key, tasks] : groups_)
      for (auto& t : tasks)
        visit(t);
  }

private:
  using group = std::deque<held_task>;
  using group_place = std::map<std::string, group>::iterator;

  struct turn {
    std::int64_t place = 0;
    group_place of{};

    friend bool operator<(const turn& a, const turn& b) {
      return a.place != b.place ? a.place < b.place : a.of->first < b.of->first;
    }
  };

  void note_place(const held_task& t, double weight);
  void add_turn(group_place of);
  void drop_turn(group_place of);
  held_task take(group_place of);
  void forget_keys();

  std::size_t keys_max_;
  std::size_t size_ = 0;
  /// Where the last task stood that was taken.
  std::int64_t now_ = 0;
  /// The last place of keys that are ahead of that.
  std::map<std::string, std::int64_t> last_;
  std::map<std::string, group> groups_;
  std::set<turn> turns_;
  /// Groups that wait, by when they are to be asked again; they have no turn.
  std::multimap<time_point, group_place> waiting_;
};

} // namespace reprise::actors
