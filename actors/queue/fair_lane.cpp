#include "actors/queue/fair_lane.hpp"

#include "base/ensure.hpp"

#include <algorithm>
#include <vector>

namespace reprise::actors {

namespace {

/// Of a task of weight 1. Weights are kept between 1/1000 and 1000, so the shortest stride is 1.
constexpr double stride = 1000;
constexpr double weight_min = 0.001;
constexpr double weight_max = 1000;

std::int64_t stride_of(double weight) {
  auto length = static_cast<std::int64_t>(stride / std::clamp(weight, weight_min, weight_max));
  return std::max<std::int64_t>(length, 1);
}

} // namespace

std::int64_t fair_lane::next_place(const std::string& key, double weight) {
  auto known = last_.find(key);
  auto from = known == last_.end() ? now_ : std::max(now_, known->second);
  auto place = from + stride_of(weight);
  if (known != last_.end()) {
    known->second = place;
    return place;
  }
  last_.emplace(key, place);
  if (last_.size() > keys_max_)
    forget_keys();
  return place;
}

void fair_lane::forget_keys() {
  std::erase_if(last_, [this](const auto& k) { return k.second <= now_; });
  if (last_.size() <= keys_max_)
    return;
  std::vector<std::int64_t> places;
  places.reserve(last_.size());
  for (const auto& [key, place] : last_)
    places.push_back(place);
  // Half of them, so that it is not done for each new key.
  auto middle = places.begin() + static_cast<std::ptrdiff_t>(places.size() / 2);
  std::ranges::nth_element(places, middle);
  auto least = *middle;
  std::erase_if(last_, [least](const auto& k) { return k.second <= least; });
}

void fair_lane::add_turn(group_place of) {
  turns_.insert({.place = of->second.front().task.place(), .of = of});
}

void fair_lane::drop_turn(group_place of) {
  turns_.erase({.place = of->second.front().task.place(), .of = of});
}

// Rows of the backlog bring the places that an earlier life of the queue gave them: the present is
// where the first of them stands, and new tasks of their keys come behind them.
void fair_lane::note_place(const held_task& t, double weight) {
  auto place = t.task.place();
  if (empty())
    now_ = std::max(now_, place - stride_of(weight));
  if (place <= now_)
    return;
  auto& last = last_[t.task.fairness_key()];
  last = std::max(last, place);
  if (last_.size() > keys_max_)
    forget_keys();
}

void fair_lane::push_back(held_task t, double weight) {
  note_place(t, weight);
  auto [of, is_new] = groups_.try_emplace(t.task.fairness_key());
  of->second.push_back(std::move(t));
  ++size_;
  if (is_new)
    add_turn(of);
}

void fair_lane::push_front(held_task t) {
  auto [of, is_new] = groups_.try_emplace(t.task.fairness_key());
  auto has_turn = !is_new && turns_.contains({.place = of->second.front().task.place(), .of = of});
  if (has_turn)
    drop_turn(of);
  of->second.push_front(std::move(t));
  ++size_;
  if (has_turn || is_new)
    add_turn(of);
}

held_task fair_lane::take(group_place of) {
  auto t = std::move(of->second.front());
  of->second.pop_front();
  --size_;
  now_ = std::max(now_, t.task.place());
  if (of->second.empty())
    groups_.erase(of);
  else
    add_turn(of);
  return t;
}

std::optional<held_task> fair_lane::pop(time_point now, const key_wait& wait) {
  auto over = waiting_.upper_bound(now);
  for (auto w = waiting_.begin(); w != over; ++w)
    add_turn(w->second);
  waiting_.erase(waiting_.begin(), over);
  while (!turns_.empty()) {
    auto of = turns_.begin()->of;
    turns_.erase(turns_.begin());
    auto until = wait ? wait(of->second.front().task) : std::nullopt;
    if (!until)
      return take(of);
    waiting_.emplace(*until, of);
  }
  return std::nullopt;
}

std::optional<time_point> fair_lane::next_time() const {
  if (waiting_.empty())
    return std::nullopt;
  return waiting_.begin()->first;
}

void fair_lane::ask_again() {
  for (const auto& [until, of] : waiting_)
    add_turn(of);
  waiting_.clear();
}

const held_task* fair_lane::first() const {
  if (!turns_.empty())
    return &turns_.begin()->of->second.front();
  return waiting_.empty() ? nullptr : &waiting_.begin()->second->second.front();
}

held_task* fair_lane::find(const std::function<bool(const held_task&)>& holds) {
  for (auto& [key, tasks] : groups_)
    for (auto& t : tasks)
      if (holds(t))
        return &t;
  return nullptr;
}

} // namespace reprise::actors
