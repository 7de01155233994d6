#include "cluster/link/simulated_network.hpp"

#include "base/ensure.hpp"
#include "cluster/link/hub.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

namespace reprise::link {

/// A connection; its first end made it.
struct simulated_network::line {
  struct piece {
    time_point due{};
    std::string bytes{};
    bool is_end = false;
  };

  /// Of an end, what is on its way from it.
  struct end {
    std::string address{};
    /// In that process's hub; 0: not accepted yet, or closed.
    hub::id connection = 0;
    std::deque<piece> sent{};
    std::size_t bytes = 0;
  };

  std::array<end, 2> ends{};
  bool is_accepted = false;
};

/// The shell of one process.
class simulated_network::node : public std::enable_shared_from_this<node> {
public:
  node(simulated_network& in, identity mine, const settings& with, receiver& to, metrics& m)
    : in_(in),
      address_(mine.address),
      over_(std::move(mine), with, to, m, [this](hub::id c) { wake(c); }) {
  }

  hub& over() {
    return over_;
  }

  const std::string& address() const {
    return address_;
  }

  void begin() {
    pulse();
  }

  void end() {
    over_.lose_all(in_.world_.now());
    settle();
  }

  bool is_frozen() const {
    return in_.frozen_.contains(address_);
  }

  void take(hub::id connection, const line_ptr& on, std::size_t own_end) {
    lines_[connection] = {on, own_end};
    over_.open(connection, std::nullopt, in_.world_.now());
    settle();
  }

  void receive(hub::id connection, std::string_view bytes) {
    over_.receive(connection, bytes, in_.world_.now());
    settle();
  }

  void lose(hub::id connection, const std::string& why) {
    lines_.erase(connection);
    over_.lose(connection, why, in_.world_.now());
    settle();
  }

  void flush(hub::id connection);
  void look();
  void settle();

private:
  /// From within anything: later, therefore.
  void wake(hub::id connection) {
    in_.world_.later(span{0}, [me = weak_from_this(), connection] {
      auto self = me.lock();
      if (!self || self->is_frozen())
        return;
      if (connection == 0)
        return self->look();
      self->flush(connection);
      self->settle();
    });
  }

  void pulse() {
    in_.world_.later(over_.with().tick(), [me = weak_from_this()] {
      if (auto self = me.lock()) {
        self->look();
        self->pulse();
      }
    });
  }

  simulated_network& in_;
  const std::string address_;
  std::map<hub::id, std::pair<line_ptr, std::size_t>> lines_;
  hub over_;
};

void simulated_network::node::flush(hub::id connection) {
  auto found = lines_.find(connection);
  if (found == lines_.end() || is_frozen())
    return;
  auto [on, own] = found->second;
  auto enough = over_.with().write_bytes;
  auto under_way = on->ends[own].bytes;
  if (under_way >= enough)
    return;
  std::string bytes;
  over_.take_output(connection, bytes, enough - under_way);
  if (!bytes.empty())
    in_.put(on, own, std::move(bytes), false);
}

void simulated_network::node::look() {
  if (is_frozen())
    return;
  over_.look(in_.world_.now());
  settle();
}

void simulated_network::node::settle() {
  for (auto work = over_.take_orders();
       !work.calls.empty() || !work.flushes.empty() || !work.ends.empty();
       work = over_.take_orders()) {
    for (const auto& to : work.calls)
      in_.call(*this, to.connection, to.to);
    for (auto connection : work.flushes)
      flush(connection);
    for (auto connection : work.ends) {
      auto found = lines_.find(connection);
      if (found == lines_.end())
        continue;
      auto [on, own] = found->second;
      lines_.erase(found);
      on->ends[own].connection = 0;
      in_.put(on, own, {}, true);
    }
  }
}

/// What the process holds; its end is the process's.
class simulated_network::member final : public carrier {
public:
  member(simulated_network& in, std::shared_ptr<node> of) : in_(in), of_(std::move(of)) {
  }

  ~member() override {
    in_.nodes_.erase(of_->address());
    of_->end();
  }

  member(const member&) = delete;
  member& operator=(const member&) = delete;

  sent send(incarnation to, lane on, const Envelope& what) override {
    return of_->over().send(to, on, what);
  }

  void reach(const endpoint& where) override {
    of_->over().reach(where);
  }

  void give_up(const endpoint& where) override {
    of_->over().give_up(where);
  }

private:
  simulated_network& in_;
  std::shared_ptr<node> of_;
};

simulated_network::simulated_network(world in) : world_(std::move(in)) {
}

simulated_network::~simulated_network() = default;

std::unique_ptr<carrier> simulated_network::join(identity mine, const settings& with, receiver& to,
                                                 metrics& m) {
  ENSURE(!nodes_.contains(mine.address), "a process has an address of its own");
  auto made = std::make_shared<node>(*this, std::move(mine), with, to, m);
  nodes_.emplace(made->address(), made);
  made->begin();
  return std::make_unique<member>(*this, std::move(made));
}

simulated_network::node* simulated_network::find(const std::string& address) const {
  auto found = nodes_.find(address);
  return found == nodes_.end() ? nullptr : found->second.get();
}

simulated_network::span simulated_network::delay() {
  auto width = static_cast<std::uint64_t>((weather_.delay_max - weather_.delay_min).count());
  return weather_.delay_min
         + span{static_cast<std::int64_t>(width == 0 ? 0 : world_.chance() % (width + 1))};
}

// -- connections ---------------------------------------------------------------------------------

void simulated_network::call(node& from, std::uint64_t connection, const endpoint& to) {
  auto made = std::make_shared<line>();
  made->ends[0] = {.address = from.address(), .connection = connection};
  made->ends[1] = {.address = to_string(to)};
  world_.later(delay(), [this, made, me = from.weak_from_this(), connection] {
    auto caller = me.lock();
    // Meanwhile it may have given up; and where nothing passes, it will.
    if (!caller || !is_passable(*made, 0) || !is_passable(*made, 1))
      return;
    if (find(made->ends[1].address) == nullptr)
      return caller->lose(connection, "it cannot be reached");
    lines_.push_back(made);
    // First of all that the other side hears of it.
    put(made, 0, {}, false);
    caller->take(connection, made, 0);
  });
}

bool simulated_network::is_passable(const line& on, std::size_t direction) const {
  return !parted_.contains({on.ends[direction].address, on.ends[1 - direction].address});
}

void simulated_network::put(const line_ptr& on, std::size_t direction, std::string bytes,
                            bool is_end) {
  auto& end = on->ends[direction];
  auto due = world_.now() + delay();
  // In its order.
  if (!end.sent.empty())
    due = std::max(due, end.sent.back().due);
  end.bytes += bytes.size();
  end.sent.push_back({.due = due, .bytes = std::move(bytes), .is_end = is_end});
  if (!is_end && weather_.losses != 0 && world_.chance() % 1'000'000 < weather_.losses)
    lose(on);
  world_.later(due - world_.now(), [this, on, direction] { arrive(on, direction); });
}

/// Whatever is due in this direction, and can arrive.
void simulated_network::arrive(const line_ptr& on, std::size_t direction) {
  auto& from = on->ends[direction];
  auto& to = on->ends[1 - direction];
  while (!from.sent.empty() && from.sent.front().due <= world_.now() && is_passable(*on, direction)
         && !frozen_.contains(to.address)) {
    auto piece = std::move(from.sent.front());
    from.sent.pop_front();
    from.bytes -= piece.bytes.size();
    auto* there = find(to.address);
    if (there == nullptr) {
      if (from.connection != 0)
        put(on, 1 - direction, {}, true);
      continue;
    }
    // The process that made it may be another by now than the one that is there.
    auto keep = there->shared_from_this();
    if (piece.is_end) {
      if (auto connection = std::exchange(to.connection, 0); connection != 0)
        there->lose(connection, "the connection was lost");
      if (from.connection == 0)
        lines_.remove(on);
      return;
    }
    if (!on->is_accepted) {
      on->is_accepted = true;
      auto accepted = there->over().accept(from.address, world_.now());
      to.connection = accepted.value_or(0);
      if (accepted)
        there->take(*accepted, on, 1);
      else
        put(on, 1, {}, true);
    } else if (to.connection != 0) {
      there->receive(to.connection, piece.bytes);
    }
    if (auto* sender = find(from.address); sender != nullptr && from.connection != 0) {
      sender->flush(from.connection);
      sender->settle();
    }
  }
}

void simulated_network::arrive_all() {
  for (const auto& on : std::vector<line_ptr>{lines_.begin(), lines_.end()})
    for (std::size_t direction : {0U, 1U})
      arrive(on, direction);
}

/// What is on its way is gone, but that it ends.
void simulated_network::lose(const line_ptr& on) {
  for (std::size_t direction : {0U, 1U}) {
    auto& end = on->ends[direction];
    end.sent.clear();
    end.bytes = 0;
    put(on, direction, {}, true);
  }
}

// -- fate ----------------------------------------------------------------------------------------

void simulated_network::part(const std::string& from, const std::string& to) {
  parted_.insert({from, to});
}

void simulated_network::heal(const std::string& from, const std::string& to) {
  parted_.erase({from, to});
  arrive_all();
}

void simulated_network::cut(const std::string& a, const std::string& b) {
  for (const auto& on : std::vector<line_ptr>{lines_.begin(), lines_.end()}) {
    auto [from, to] = std::minmax(on->ends[0].address, on->ends[1].address);
    if (std::pair{from, to} == std::pair{std::min(a, b), std::max(a, b)})
      lose(on);
  }
}

void simulated_network::freeze(const std::string& address) {
  frozen_.insert(address);
}

void simulated_network::thaw(const std::string& address) {
  frozen_.erase(address);
  arrive_all();
}

std::size_t simulated_network::bytes_under_way() const {
  std::size_t all = 0;
  for (const auto& on : lines_)
    all += on->ends[0].bytes + on->ends[1].bytes;
  return all;
}

} // namespace reprise::link
