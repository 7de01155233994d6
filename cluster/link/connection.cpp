#include "cluster/link/connection.hpp"

#include <algorithm>
#include <utility>

namespace reprise::link {

connection::connection(std::uint64_t id, const terms& of, bool ours, std::string with,
                       std::shared_ptr<buffers> through, time_point now)
  : id_(id),
    of_(of),
    is_ours_(ours),
    with_(std::move(with)),
    buffers_(std::move(through)),
    heard_(now),
    spoke_(now),
    until_(now + of.with.connect) {
  for (std::size_t i = 0; i < lanes; ++i)
    in_[i].credit = static_cast<std::int64_t>(of.with.lane[i].window_bytes);
}

connection::~connection() {
  buffers_->close();
}

void connection::say(frame_type type, const google::protobuf::MessageLite& what) {
  append_frame(own_, {.type = type, .content = what.SerializeAsString()});
  of_.counted.frames_sent.add();
}

void connection::open(std::optional<tls::shown_certificate> shown, time_point now) {
  if (state_ != state::connecting)
    return;
  shown_ = std::move(shown);
  state_ = state::greeting;
  heard_ = now;
  until_ = now + of_.with.handshake;
  if (is_ours_)
    say(frame_type::hello, hello_of(of_.mine, of_.with));
}

// -- the end -------------------------------------------------------------------------------------

void connection::finish(state next, const Farewell& why, bool said) {
  auto was_live = is_live();
  auto was_up = state_ == state::up;
  state_ = next;
  if (!was_live)
    return;
  buffers_->close();
  for (auto& in : in_)
    in = {};
  for (auto& out : out_)
    out = {};
  of_.owner.on_end(*this, was_up, why, said);
}

void connection::refuse(Farewell why, time_point now) {
  if (!is_live())
    return;
  if (state_ == state::connecting)
    return finish(state::over, why, false);
  why.set_incarnation(of_.mine.life);
  say(frame_type::farewell, why);
  until_ = now + of_.with.farewell;
  finish(state::ending, why, false);
}

void connection::break_off(const std::string& why, time_point now) {
  refuse(farewell_of(Farewell::BROKEN, why), now);
}

void connection::lose(const std::string& why) {
  finish(state::over, farewell_of(Farewell::UNKNOWN, why), false);
}

void connection::look(time_point now) {
  if (std::exchange(has_spoken_, false))
    spoke_ = now;
  switch (state_) {
    case state::connecting:
      if (now >= until_)
        lose("it did not answer in time");
      return;
    case state::greeting:
    case state::agreed:
      if (now >= until_)
        refuse(farewell_of(Farewell::SILENT, "it did not say in time who it is"), now);
      return;
    case state::up:
      if (now - heard_ >= of_.with.silence)
        return refuse(farewell_of(Farewell::SILENT, "nothing was heard from it for "
                                                      + std::to_string(of_.with.silence.count())
                                                      + " ms"),
                      now);
      if (now - spoke_ >= of_.with.heartbeat)
        heartbeat_due_ = true;
      return;
    case state::ending:
      if (now >= until_)
        state_ = state::over;
      return;
    case state::over:
      return;
  }
}

// -- what comes ----------------------------------------------------------------------------------

void connection::receive(std::string_view bytes, time_point now) {
  heard_ = now;
  of_.counted.bytes_received.add(bytes.size());
  while (is_live() && state_ != state::connecting) {
    frame f;
    auto is_stranger = state_ == state::greeting || state_ == state::agreed;
    switch (reader_.next(bytes, is_stranger ? stranger_content_max : frame_content_max, f)) {
      case frame_reader::found::nothing:
        return;
      case frame_reader::found::broken:
        return break_off("what it said is not the protocol of this link", now);
      case frame_reader::found::frame:
        of_.counted.frames_received.add();
        take(f, now);
    }
  }
}

void connection::take(const frame& f, time_point now) {
  auto is = [this](state s) { return state_ == s; };
  switch (f.type) {
    case frame_type::hello:
      if (is(state::greeting))
        return on_hello(f, now);
      break;
    case frame_type::welcome:
      if (is(state::agreed))
        return on_welcome(now);
      break;
    case frame_type::farewell:
      return on_farewell(f);
    case frame_type::data:
      if (is(state::up))
        return on_data(f, now);
      break;
    case frame_type::credit:
      if (is(state::up))
        return on_credit(f, now);
      break;
    case frame_type::heartbeat:
      if (is(state::up))
        return;
      break;
  }
  break_off("what it said does not belong here", now);
}

void connection::on_hello(const frame& f, time_point now) {
  Hello said;
  if (!said.ParseFromArray(f.content.data(), static_cast<int>(f.content.size())))
    return refuse(farewell_of(Farewell::MALFORMED, "its hello cannot be read"), now);
  // What it says, until we agree: for the log.
  peer_.name = said.name();
  peer_.role = said.role();
  if (auto why = of_.owner.on_hello(*this, said))
    return refuse(std::move(*why), now);
  peer_ = peer_of(of_.mine, said);
  for (std::size_t i = 0; i < lanes; ++i)
    out_[i].credit = out_[i].credit_max
      = static_cast<std::int64_t>(said.window_bytes(static_cast<int>(i)));
  buffers_->open(said.envelope_bytes_max());
  if (is_ours_) {
    say(frame_type::welcome, Welcome{});
    return go_up(now);
  }
  say(frame_type::hello, hello_of(of_.mine, of_.with));
  state_ = state::agreed;
}

void connection::on_welcome(time_point now) {
  go_up(now);
}

void connection::go_up(time_point now) {
  state_ = state::up;
  spoke_ = now;
  of_.owner.on_up(*this);
}

void connection::on_farewell(const frame& f) {
  constexpr std::size_t text_max = 500;
  Farewell why;
  if (!why.ParseFromArray(f.content.data(), static_cast<int>(f.content.size())))
    why.Clear();
  if (why.text().empty())
    why.set_text("it ends the connection and does not say why");
  if (why.text().size() > text_max)
    why.mutable_text()->resize(text_max);
  finish(state::over, why, true);
}

void connection::on_data(const frame& f, time_point now) {
  auto& in = in_[f.lane];
  auto content = f.content;
  auto is_first = (f.flags & flag_first) != 0;
  if (is_first == in.is_busy)
    return break_off("an envelope has no begin or no end", now);
  if (is_first) {
    if (content.size() < envelope_head_bytes)
      return break_off("an envelope has no size", now);
    in.size = read_envelope_size(content);
    content.remove_prefix(envelope_head_bytes);
    if (in.size > of_.with.envelope_bytes_max)
      return break_off("an envelope is larger than it may be", now);
    if (in.credit <= 0)
      return break_off("it sends more than it was told that it may", now);
    in.credit -= static_cast<std::int64_t>(charge(in.size));
    in.is_busy = true;
  } else if (content.empty()) {
    return break_off("a piece of an envelope is empty", now);
  }
  if (content.size() > in.size - in.bytes.size())
    return break_off("an envelope is longer than it said", now);
  in.bytes.append(content);
  if (in.bytes.size() == in.size)
    deliver(static_cast<lane>(f.lane), in, now);
}

void connection::deliver(lane on, incoming& from, time_point now) {
  auto bytes = std::exchange(from.bytes, {});
  from.is_busy = false;
  Envelope what;
  if (!what.ParseFromString(bytes))
    return break_off("an envelope cannot be read", now);
  auto charged = charge(bytes.size());
  of_.counted.received[index(on)]->add();
  of_.counted.held_received.add(static_cast<std::int64_t>(charged));
  of_.owner.on_envelope(*this, on, std::move(what), held_room{buffers_, on, charged});
}

void connection::on_credit(const frame& f, time_point now) {
  Credit more;
  auto& out = out_[f.lane];
  if (!more.ParseFromArray(f.content.data(), static_cast<int>(f.content.size()))
      || more.bytes() > static_cast<std::uint64_t>(out.credit_max - out.credit))
    return break_off("it gives more credit than it has", now);
  out.credit += static_cast<std::int64_t>(more.bytes());
}

// -- what goes -----------------------------------------------------------------------------------

void connection::take_output(std::string& out, std::size_t enough) {
  auto before = out.size();
  buffers_->rest();
  out += std::exchange(own_, {});
  if (state_ == state::up) {
    append_credit(out);
    if (std::exchange(heartbeat_due_, false) && out.size() == before) {
      append_frame(out, {.type = frame_type::heartbeat});
      of_.counted.frames_sent.add();
    }
    for (auto goes_on = true; goes_on && out.size() < enough;) {
      goes_on = false;
      for (std::size_t i = 0; i < lanes && out.size() < enough; ++i)
        goes_on |= append_piece(out, i);
    }
  }
  has_spoken_ |= out.size() != before;
  of_.counted.bytes_sent.add(out.size() - before);
}

void connection::append_credit(std::string& out) {
  for (std::size_t i = 0; i < lanes; ++i) {
    auto bytes = buffers_->take_consumed(static_cast<lane>(i));
    if (bytes == 0)
      continue;
    in_[i].credit += static_cast<std::int64_t>(bytes);
    Credit more;
    more.set_bytes(bytes);
    append_frame(out, {.type = frame_type::credit,
                       .lane = static_cast<std::uint8_t>(i),
                       .content = more.SerializeAsString()});
    of_.counted.frames_sent.add();
  }
}

/// False: there is nothing that may be sent.
bool connection::append_piece(std::string& out, std::size_t on) {
  auto& o = out_[on];
  if (!o.is_busy) {
    if (o.credit <= 0 || !buffers_->pop(static_cast<lane>(on), o.what))
      return false;
    o.is_busy = true;
    o.at = 0;
    o.credit -= static_cast<std::int64_t>(charge(o.what.bytes.size()));
  }
  auto is_first = o.at == 0;
  auto head = is_first ? envelope_head_bytes : 0;
  auto size = std::min(o.what.bytes.size() - o.at, frame_content_max - head);
  append_frame_head(out,
                    {.type = frame_type::data,
                     .lane = static_cast<std::uint8_t>(on),
                     .flags = is_first ? flag_first : std::uint8_t{0}},
                    size + head);
  if (is_first)
    append_envelope_size(out, o.what.bytes.size());
  out.append(o.what.bytes, o.at, size);
  of_.counted.frames_sent.add();
  o.at += size;
  if (o.at < o.what.bytes.size())
    return true;
  o.is_busy = false;
  auto gone = std::exchange(o.what, {});
  if (buffers_->left(static_cast<lane>(on), gone))
    of_.owner.on_room(*this, static_cast<lane>(on));
  return true;
}

} // namespace reprise::link
