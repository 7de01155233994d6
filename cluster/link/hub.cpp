#include "cluster/link/hub.hpp"

#include "base/ensure.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace reprise::link {

namespace {

/// Lines that are remembered, so that they are not said again.
constexpr std::size_t said_max = 256;
/// Kinds of the link's own.
constexpr std::uint32_t own_kinds = 16;

std::string short_name(incarnation who) {
  constexpr int digits = 16;
  std::string out(digits, '0');
  for (auto& c : out) {
    c = "0123456789abcdef"[who >> 60];
    who <<= 4;
  }
  return out;
}

std::string describe(const connection& c) {
  const auto& who = c.other();
  if (who.name.empty())
    return c.with();
  auto life = who.life == 0 ? "" : short_name(who.life) + ", ";
  return role_name(who.role) + " " + who.name + " (" + life + c.with() + ")";
}

/// The receiver's failures are its own. False: it failed.
template <class Tell>
bool guard(const connection& c, Tell&& tell) {
  try {
    tell();
    return true;
  } catch (...) {
    log_thrown(log_level::error, {"link: what came from ", describe(c), " was not taken"});
    return false;
  }
}

} // namespace

hub::hub(identity mine, const settings& with, receiver& to, metrics& m,
         std::function<void(id)> wake)
  : mine_(std::move(mine)),
    with_(with),
    to_(to),
    counted_(std::make_shared<meters>(m)),
    terms_{.mine = mine_, .with = with_, .counted = *counted_, .owner = *this},
    wake_(std::move(wake)) {
  auto fits = check(with_);
  ENSURE(fits, fits.error().message);
}

// -- any thread ----------------------------------------------------------------------------------

sent hub::send(incarnation to, lane on, const Envelope& what) {
  std::shared_ptr<buffers> through;
  {
    std::lock_guard lock{mutex_};
    auto found = up_.find(to);
    if (found == up_.end())
      return sent::down;
    through = found->second;
  }
  return through->put(on, what.SerializeAsString());
}

void hub::reach(const endpoint& where) {
  {
    std::lock_guard lock{mutex_};
    wanted_.insert(where);
  }
  wake_(0);
}

void hub::give_up(const endpoint& where) {
  {
    std::lock_guard lock{mutex_};
    wanted_.erase(where);
  }
  wake_(0);
}

std::size_t hub::held(incarnation to, lane on) const {
  std::lock_guard lock{mutex_};
  auto found = up_.find(to);
  return found == up_.end() ? 0 : found->second->held(on);
}

bool hub::is_up(incarnation who) const {
  std::lock_guard lock{mutex_};
  return up_.contains(who);
}

// -- the shell -----------------------------------------------------------------------------------

connection& hub::add(bool ours, const std::string& with) {
  auto number = ++last_;
  auto through = std::make_shared<buffers>(with_, counted_,
                                           [wake = wake_, number] { wake(number); });
  auto made = std::make_unique<connection>(number, terms_, ours, with, std::move(through), now_);
  return *connections_.emplace(number, std::move(made)).first->second;
}

connection* hub::find(id c) {
  auto found = connections_.find(c);
  return found == connections_.end() ? nullptr : found->second.get();
}

hub::target* hub::target_of(id c) {
  auto found = std::ranges::find_if(targets_,
                                    [c](const auto& t) { return t.second.connection == c; });
  return found == targets_.end() ? nullptr : &found->second;
}

std::optional<hub::id> hub::accept(const std::string& from, time_point now) {
  now_ = now;
  if (connections_.size() >= with_.connections_max || strangers_.size() >= with_.strangers_max) {
    counted_->refused(Farewell::CROWDED).add();
    warn_once("link: " + from + " is hung up on, there are too many connections", now);
    return std::nullopt;
  }
  auto number = add(false, from).id();
  strangers_.insert(number);
  return number;
}

/// After each call into a connection: what it has to say goes out, and its end is noticed.
void hub::settle(connection& c) {
  (c.now_is() == connection::state::over ? orders_.ends : orders_.flushes).push_back(c.id());
}

void hub::open(id c, std::optional<tls::shown_certificate> shown, time_point now) {
  now_ = now;
  if (auto* found = find(c)) {
    found->open(std::move(shown), now);
    settle(*found);
  }
}

void hub::receive(id c, std::string_view bytes, time_point now) {
  now_ = now;
  if (auto* found = find(c)) {
    found->receive(bytes, now);
    settle(*found);
  }
}

void hub::take_output(id c, std::string& out, std::size_t enough) {
  if (auto* found = find(c))
    found->take_output(out, enough);
}

void hub::lose(id c, const std::string& why, time_point now) {
  now_ = now;
  if (auto* found = find(c)) {
    found->lose(why);
    settle(*found);
  }
}

void hub::lose_all(time_point now) {
  now_ = now;
  for (auto& [number, c] : connections_) {
    c->lose("this process ends the link");
    settle(*c);
  }
}

void hub::look(time_point now) {
  now_ = now;
  // By number: on_end() and on_up() do not change the map, but others may be added by calls.
  for (auto& [number, c] : connections_) {
    c->look(now);
    settle(*c);
  }
  call_due();
}

void hub::call_due() {
  {
    std::lock_guard lock{mutex_};
    for (const auto& where : wanted_)
      targets_.try_emplace(where, target{.pause = with_.retry_first});
    std::erase_if(targets_, [this](const auto& t) { return !wanted_.contains(t.first); });
  }
  for (auto& [where, t] : targets_) {
    // However many call us: of those that we call there is one each.
    if (t.connection != 0 || now_ < t.next || (t.who != 0 && is_up(t.who)))
      continue;
    t.connection = add(true, to_string(where)).id();
    orders_.calls.push_back({.connection = t.connection, .to = where});
  }
}

hub::orders hub::take_orders() {
  auto out = std::exchange(orders_, {});
  for (auto number : out.ends) {
    connections_.erase(number);
    strangers_.erase(number);
  }
  return out;
}

void hub::warn_once(const std::string& text, time_point now) {
  if (said_.size() >= said_max)
    std::erase_if(said_, [&](const auto& s) { return now - s.second >= with_.say_again; });
  if (said_.size() >= said_max)
    said_.clear();
  auto [found, is_new] = said_.try_emplace(text, now);
  if (!is_new && now - found->second < with_.say_again)
    return;
  found->second = now;
  log(log_level::warn, text);
}

// -- what connections tell -----------------------------------------------------------------------

std::vector<connection*> hub::others_to(incarnation other, const connection& but) {
  std::vector<connection*> found;
  for (auto& [number, c] : connections_)
    if (c.get() != &but && c->is_live() && c->other().life == other)
      found.push_back(c.get());
  return found;
}

/// Whether `known` stays rather than `c`, which leads to the same peer.
bool hub::stays(const connection& known, const connection& c, incarnation other) const {
  if (known.now_is() == connection::state::up)
    return true;
  auto maker = [&](const connection& of) { return of.is_ours() ? mine_.life : other; };
  return maker(known) == maker(c) ? known.id() < c.id() : maker(known) < maker(c);
}

void hub::refuse(connection& c, Farewell why) {
  c.refuse(std::move(why), now_);
  settle(c);
}

std::optional<Farewell> hub::on_hello(connection& c, const Hello& said) {
  if (auto why = judge(mine_, said, c.shown()))
    return why;
  if (auto* of = target_of(c.id()))
    of->who = said.incarnation();
  auto duplicate = [] {
    return farewell_of(Farewell::DUPLICATE, "there is another connection between the two");
  };
  auto others = others_to(said.incarnation(), c);
  // With certificates, that is somebody who calls himself another.
  auto is_another = [&](const connection* known) {
    return known->other().name != said.name() || known->other().role != said.role();
  };
  if (std::ranges::any_of(others, is_another))
    return farewell_of(Farewell::CERTIFICATE, "another process has this incarnation");
  if (std::ranges::any_of(
        others, [&](const connection* known) { return stays(*known, c, said.incarnation()); }))
    return duplicate();
  for (auto* loser : others)
    refuse(*loser, duplicate());
  return std::nullopt;
}

void hub::on_up(connection& c) {
  {
    std::lock_guard lock{mutex_};
    up_[c.other().life] = c.through();
  }
  strangers_.erase(c.id());
  if (auto* of = target_of(c.id()))
    of->pause = with_.retry_first;
  counted_->ups.add();
  counted_->peers.add(1);
  log(log_level::info, {"link: ", describe(c), " is up"});
  guard(c, [&] { to_.on_up(c.other()); });
}

void hub::on_room(connection& c, lane on) {
  guard(c, [&] { to_.on_room(c.other().life, on); });
}

void hub::on_envelope(connection& c, lane on, Envelope what, held_room room) {
  auto is_known = what.kind() < own_kinds ? what.kind() == UNSUPPORTED : to_.knows(what.kind());
  if (!is_known)
    return answer_unsupported(c, on, what, std::move(room));
  auto taken = guard(c, [&] {
    to_.on_envelope(
      {.from = c.other().life, .on = on, .what = std::move(what), .room = std::move(room)});
  });
  // Its sender would wait for an answer for ever.
  if (!taken)
    refuse(c, farewell_of(Farewell::BROKEN, "what it sent could not be taken"));
}

void hub::answer_unsupported(connection& c, lane on, const Envelope& what, held_room room) {
  counted_->unsupported.add();
  Unsupported about;
  about.set_kind(what.kind());
  Envelope answer;
  answer.set_kind(UNSUPPORTED);
  answer.set_to(what.from());
  answer.set_call(what.call());
  answer.set_content(about.SerializeAsString());
  // At once: where both sides ask for what the other does not know, neither waits for the other's
  // answers to leave.
  room.release();
  if (!c.through()->put_own(on, answer.SerializeAsString()))
    refuse(c, farewell_of(Farewell::BROKEN, "it asks for too much that is not known here"));
}

void hub::on_end(connection& c, bool was_up, const Farewell& why, bool said) {
  if (auto* of = target_of(c.id())) {
    of->connection = 0;
    if (why.reason() == Farewell::DUPLICATE && said)
      of->who = why.incarnation();
    of->next = now_ + of->pause;
    of->pause = std::min(2 * of->pause, with_.retry_max);
  }
  if (was_up) {
    std::lock_guard lock{mutex_};
    auto found = up_.find(c.other().life);
    if (found != up_.end() && found->second == c.through())
      up_.erase(found);
  }
  tell_end(c, was_up, why, said);
}

void hub::tell_end(const connection& c, bool was_up, const Farewell& why, bool said) {
  if (was_up) {
    counted_->downs.add();
    counted_->peers.add(-1);
    log(log_level::warn,
        {"link: ", describe(c), " is down: ", said ? "it says: " : "", why.text()});
    guard(c, [&] { to_.on_down(c.other(), why.text()); });
    return;
  }
  if (why.reason() == Farewell::UNKNOWN) {
    counted_->unreachable.add();
    log(log_level::debug, {"link: ", describe(c), ": ", why.text()});
    return;
  }
  (said ? counted_->refused_us : counted_->refused(why.reason())).add();
  // Of two connections one has to go: nobody did anything wrong.
  if (why.reason() != Farewell::DUPLICATE)
    warn_once("link: " + describe(c) + (said ? " refuses this process: " : " is refused: ")
                + why.text(),
              now_);
}

} // namespace reprise::link
