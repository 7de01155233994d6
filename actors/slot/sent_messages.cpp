#include "actors/slot/sent_messages.hpp"

#include <algorithm>

namespace reprise::actors {

namespace {

/// So long a copy counts as under way.
constexpr duration window_length = std::chrono::seconds{1};
constexpr int doublings_max = 6;

duration pause_behind(int copies) {
  auto doublings = std::clamp(copies - 1, 0, doublings_max);
  return std::min(sent_messages::longest_pause, sent_messages::first_pause * (1 << doublings));
}

} // namespace

std::string sent_messages::route_of(const outbox::Address& from, const outbox::Address& to) {
  std::string out;
  for (const auto* a : {&from, &to}) {
    out += a->namespace_id();
    out += '\0';
    out += std::to_string(a->machine());
    out += '\0';
    out += a->id();
    out += '\0';
  }
  return out;
}

bool sent_messages::is_first(const item& x) const {
  return routes_.at(x.route).front() == &x;
}

void sent_messages::keep(item& x, outbox::Message message) {
  auto bytes = message.ByteSizeLong();
  auto held = level_.bytes.load(std::memory_order_relaxed);
  if (held > 0 && held + bytes > bounds_.bytes_max)
    return;
  level_.bytes.fetch_add(bytes, std::memory_order_relaxed);
  x.bytes = bytes;
  x.content = std::make_shared<const outbox::Message>(std::move(message));
}

void sent_messages::drop_content(item& x) noexcept {
  level_.bytes.fetch_sub(x.bytes, std::memory_order_relaxed);
  x.bytes = 0;
  x.content.reset();
}

void sent_messages::make_ready(item& x, duration at) {
  ready_.erase({x.due, x.order, &x});
  x.due = at;
  ready_.insert({x.due, x.order, &x});
}

void sent_messages::leave_window(item& x) {
  if (!x.window)
    return;
  window_.erase({*x.window, x.order, &x});
  x.window.reset();
}

bool sent_messages::add(const outbox::Address& from, outbox::Message message, bool again,
                        duration now) {
  auto id = message_id(message);
  if (auto known = items_.find(id); known != items_.end()) {
    auto& x = *known->second;
    x.run_id = holder_of(message);
    if (x.content)
      return true;
    keep(x, std::move(message));
    if (x.content && is_first(x))
      make_ready(x, now);
    return true;
  }
  if (level_.messages.load(std::memory_order_relaxed) >= bounds_.messages_max)
    return false;
  auto made = std::make_unique<item>();
  auto& x = *made;
  x.id = id;
  x.from = from;
  x.from.set_namespace_name(message.to().namespace_name());
  x.run_id = holder_of(message);
  x.number = message.number();
  x.route = route_of(from, message.to());
  x.again = again;
  x.order = ++last_order_;
  keep(x, std::move(message));
  items_.emplace(std::move(id), std::move(made));
  level_.messages.fetch_add(1, std::memory_order_relaxed);
  auto& route = routes_[x.route];
  // One that had no room before comes behind others of its run, and goes before them.
  auto behind = std::find_if(route.rbegin(), route.rend(), [&](const item* other) {
    return other->run_id != x.run_id || other->number < x.number;
  });
  auto was_first = route.empty() ? nullptr : route.front();
  route.insert(behind.base(), &x);
  if (!is_first(x))
    return true;
  if (was_first != nullptr)
    ready_.erase({was_first->due, was_first->order, was_first});
  make_ready(x, now);
  return true;
}

void sent_messages::ask(question about, duration at) {
  auto [known, is_new] = questions_.try_emplace(std::move(about), at);
  if (!is_new)
    known->second = std::min(known->second, at);
}

bool sent_messages::answered(const std::string& id, duration now) {
  auto found = items_.find(id);
  if (found == items_.end())
    return false;
  auto& x = *found->second;
  leave_window(x);
  ready_.erase({x.due, x.order, &x});
  auto route = routes_.find(x.route);
  auto was_first = is_first(x);
  std::erase(route->second, &x);
  if (route->second.empty())
    routes_.erase(route);
  else if (was_first)
    make_ready(*route->second.front(), now);
  drop_content(x);
  level_.messages.fetch_sub(1, std::memory_order_relaxed);
  items_.erase(found);
  return true;
}

sent_messages::due sent_messages::take_due(duration now) {
  due out;
  while (!window_.empty() && std::get<0>(*window_.begin()) <= now)
    leave_window(*std::get<2>(*window_.begin()));
  while (!ready_.empty() && std::get<0>(*ready_.begin()) <= now
         && window_.size() < bounds_.under_way_max) {
    auto& x = *std::get<2>(*ready_.begin());
    if (!x.content) {
      ++out.without_content;
      ask({.sender = x.from, .run_id = x.run_id}, now);
      make_ready(x, now + first_pause);
      continue;
    }
    ++x.copies;
    make_ready(x, now + pause_behind(x.copies));
    out.copies.push_back({.from = x.from, .message = x.content, .again = x.again});
    x.again = true;
    leave_window(x);
    x.window = now + window_length;
    window_.insert({*x.window, x.order, &x});
  }
  for (auto q = questions_.begin(); q != questions_.end();) {
    if (q->second > now) {
      ++q;
      continue;
    }
    out.questions.push_back(q->first);
    q = questions_.erase(q);
  }
  return out;
}

std::optional<duration> sent_messages::next() const {
  std::optional<duration> out;
  auto sooner = [&out](duration d) {
    if (!out || d < *out)
      out = d;
  };
  if (!ready_.empty()) {
    auto due = std::get<0>(*ready_.begin());
    if (window_.size() >= bounds_.under_way_max)
      due = std::max(due, std::get<0>(*window_.begin()));
    sooner(due);
  }
  for (const auto& [about, at] : questions_)
    sooner(at);
  return out;
}

void sent_messages::clear() noexcept {
  ready_.clear();
  window_.clear();
  routes_.clear();
  questions_.clear();
  for (auto& [id, x] : items_)
    drop_content(*x);
  // What holds nothing touches nothing: a slot may be gone later than what all slots share.
  if (!items_.empty())
    level_.messages.fetch_sub(items_.size(), std::memory_order_relaxed);
  items_.clear();
}

} // namespace reprise::actors
