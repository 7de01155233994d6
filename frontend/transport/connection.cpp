#include "frontend/transport/connection.hpp"

#include "base/ensure.hpp"
#include "base/log.hpp"
#include "frontend/transport/loop.hpp"
#include "frontend/transport/session.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <iterator>
#include <utility>

namespace reprise::frontend {

namespace {

/// Tells the loop what a request holds, whatever becomes of it meanwhile.
class held_count {
public:
  held_count(transport_loop& loop, const message_reader& request)
    : loop_(loop), request_(request), before_(request.size()) {
  }

  held_count(const held_count&) = delete;
  held_count& operator=(const held_count&) = delete;

  ~held_count() {
    loop_.hold(before_, request_.size());
  }

private:
  transport_loop& loop_;
  const message_reader& request_;
  std::size_t before_;
};

using namespace std::chrono_literals;

/// How long the answer to "I shall close" is waited for, and the client's own end.
constexpr auto notice_max = 1s;

/// What is written in one piece, about.
constexpr std::size_t write_size = 128U << 10;
/// A client's calls differ in what they say beside the request, but in few ways.
constexpr std::size_t callers_max = 4;
/// Reads in a row, so that one client does not hold up the others.
constexpr int reads_max = 8;

/// For what has to be done at a connection's end, whatever became of the rest.
template <class Work>
void at_least_try(Work&& work) noexcept {
  try {
    work();
  } catch (...) {
    log_thrown(log_level::error, "a connection did not end as it should");
  }
}

/// Once, even if that throws.
void tell_gone(stream& s) {
  const auto* to = std::exchange(s.to, nullptr);
  if (to != nullptr && to->side != nullptr)
    to->side->on_gone(s);
}

std::string unknown_method(const std::string& path) {
  auto slash = path.rfind('/');
  auto name = slash == std::string::npos || slash == 0 ? path : path.substr(1, slash - 1);
  if (name.starts_with("temporal.api.") && slash != std::string::npos)
    return "unknown method " + path.substr(slash + 1) + " for service " + name;
  return "unknown service " + name;
}

} // namespace

connection::connection(transport_loop& loop, file_descriptor socket, std::uint64_t id,
                       time_point now)
  : loop_(loop),
    socket_(std::move(socket)),
    id_(id),
    session_(new_session(*this, loop.limits())),
    guard_(loop.limits().header_block_bytes_max),
    began_(now),
    opened_(now),
    heard_(now),
    busy_(now),
    phase_ends_(now) {
  // So that the connections of one moment do not end in one moment.
  constexpr std::uint64_t spread = 10;
  opened_ -= loop.times().age / spread * (id % spread) / spread;
  if (const auto& from = loop.certificates()) {
    tls_context_ = from->current(now);
    tls_.emplace(tls::session::accepted(tls_context_.get(), loop.limits().tls_output_bytes_max));
  }
}

connection::~connection() {
  count_queued(queued_, 0);
  nghttp2_session_del(session_);
  for (auto& [number, s] : streams_) {
    loop_.hold(s->request.size(), 0);
    if (s->served)
      s->served->guard([&s] { s->served->cancel(); });
    for (const auto& token : s->task_tokens)
      at_least_try([this, &token] { loop_.front().give_back(token); });
    at_least_try([&s] { tell_gone(*s); });
  }
  for (const auto& of : packed_tasks_)
    for (const auto& token : of.tokens)
      at_least_try([this, &token] { loop_.front().give_back(token); });
  at_least_try([this] { cancel_given_up(); });
}

// -- reading -------------------------------------------------------------------------------------

bool connection::read(time_point now) {
  for (int i = 0; i < reads_max; ++i) {
    auto& buffer = loop_.read_buffer;
    auto n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno == EAGAIN || errno == EWOULDBLOCK;
    if (n == 0)
      return false;
    heard_ = now;
    pinged_ = false;
    auto size = static_cast<std::size_t>(n);
    if (phase_ != phase::closing) {
      std::string_view said{reinterpret_cast<const char*>(buffer.data()), size};
      auto is_well = true;
      if (tls_) {
        auto& plain = loop_.plain_buffer;
        plain.clear();
        is_well = tls_->receive(said, plain);
        said = plain;
      }
      auto readable = guard_.pass(said);
      if (nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(readable.data()),
                                   readable.size())
          < 0)
        return false;
      if (guard_.found() != frame_guard::verdict::fine && !is_deaf_)
        turn_deaf();
      serve_due();
      cancel_given_up();
      // What it said before it failed was said.
      if (!is_well)
        return refuse_client();
    }
    if (size < buffer.size())
      return true;
  }
  return true;
}

/// Tells it why, as far as it listens.
bool connection::refuse_client() {
  log(log_level::debug, {"a client's TLS failed: ", tls_->failure()});
  loop_.meters().failed_tls.add();
  tls_->take_output(unsent_);
  send(unsent_);
  return false;
}

stream* connection::find(std::int32_t number) {
  auto found = streams_.find(number);
  return found == streams_.end() ? nullptr : found->second.get();
}

void connection::on_begin(std::int32_t number) {
  busy_ = heard_;
  said_.clear();
  streams_.emplace(number, std::make_unique<stream>(*this, number, loop_.limits()));
}

void connection::hear(std::string_view name, std::string_view value) {
  // Neither can hold a zero: the session refuses such headers.
  said_.append(name).push_back('\0');
  said_.append(value).push_back('\0');
}

const caller_ptr& connection::caller_now() {
  auto known = std::ranges::find(callers_, said_, &decltype(callers_)::value_type::first);
  if (known != callers_.end()) {
    std::rotate(callers_.begin(), known, known + 1);
    return callers_.front().second;
  }
  headers all;
  std::string_view rest = said_;
  auto take = [&rest] {
    auto word = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(word.size() + 1);
    return word;
  };
  while (!rest.empty()) {
    auto name = take();
    all.emplace(name, take());
  }
  if (callers_.size() == callers_max)
    callers_.pop_back();
  callers_.emplace(callers_.begin(), said_, loop_.front().caller_of(std::move(all)));
  return callers_.front().second;
}

void connection::on_data(stream& s, std::string_view bytes) {
  if (s.refused || s.trailers || s.http_status != 0)
    return;
  if (!loop_.may_hold(bytes.size())) {
    loop_.meters().refused_held.add();
    s.refused = make_error(errc::resource_exhausted, "too many requests are being received");
    due_.push_back(s.number);
    return;
  }
  result<void> fed;
  {
    held_count counted{loop_, s.request};
    fed = s.request.feed(bytes);
  }
  if (!fed) {
    if (fed.error().code == errc::resource_exhausted)
      loop_.meters().refused_requests.add();
    s.refused = std::move(fed).error();
  }
  if (s.refused || (s.to != nullptr && s.to->side != nullptr))
    due_.push_back(s.number);
}

void connection::on_heard(stream& s, bool has_ended) {
  s.has_ended = s.has_ended || has_ended;
  if (!s.by) {
    s.end_headers();
    s.by = caller_now();
  }
  if (s.has_ended || s.refused || s.http_status != 0 || s.to == nullptr)
    due_.push_back(s.number);
}

void connection::on_closed(std::int32_t number, bool is_cut) {
  // Its bytes go out all the same, to a caller that does not listen.
  if (is_cut)
    std::erase_if(packed_tasks_, [&](packed_tasks& of) {
      if (of.stream == number)
        std::ranges::move(of.tokens, std::back_inserter(lost_tasks_));
      return of.stream == number;
    });
  auto found = streams_.find(number);
  if (found == streams_.end())
    return;
  auto& s = *found->second;
  busy_ = heard_;
  loop_.hold(s.request.size(), 0);
  count_queued(s.response.size(), 0);
  tell_gone(s);
  if (s.served)
    given_up_.push_back(std::move(s.served));
  std::ranges::move(s.task_tokens, std::back_inserter(lost_tasks_));
  streams_.erase(found);
}

void connection::on_ping() {
  was_pinged_ = true;
}

void connection::on_pong() {
  if (phase_ == phase::going)
    say_last_call();
}

void connection::cancel_given_up() {
  for (auto& c : given_up_)
    c->guard([&] { c->cancel(); });
  given_up_.clear();
  for (const auto& token : lost_tasks_)
    loop_.front().give_back(token);
  lost_tasks_.clear();
}

// -- serving -------------------------------------------------------------------------------------

void connection::serve_due() {
  serving_.swap(due_);
  for (auto number : serving_)
    if (auto* s = find(number))
      serve(*s);
  serving_.clear();
}

void connection::serve(stream& s) {
  if (s.trailers || s.served)
    return;
  if (s.http_status != 0)
    return s.has_ended ? refuse_http(s) : void();
  if (is_overfull())
    return refuse_overfull(s);
  if (s.refused)
    return refuse(s, std::move(*s.refused));
  // Whether the body is as long as was said is the first thing that its caller hears of.
  if (s.to == nullptr && s.announces_body && !s.has_ended)
    return;
  if (s.to == nullptr)
    return refuse(s, make_error(errc::unimplemented, unknown_method(s.path)));
  if (s.to->api != nullptr && s.to->api->for_operators && !is_from_here(socket_))
    return refuse(s, make_error(errc::permission_denied,
                                "this is served to callers on the server's own machine only"));
  if (s.to->side != nullptr)
    serve_side(s);
  else if (s.has_ended)
    serve_api(s);
}

void connection::serve_api(stream& s) {
  auto request = s.request.next();
  if (!request) {
    if (request.error().code == errc::resource_exhausted)
      loop_.meters().refused_requests.add();
    return refuse(s, std::move(request).error());
  }
  if (!*request || !s.request.empty())
    return refuse(s, not_one_request());
  std::optional<reprise::time_point> deadline;
  if (s.timeout)
    deadline = loop_.front().time().now() + *s.timeout;
  // The answer may be given before this returns; then it waits for this thread.
  auto done = loop_.expect_answer(*this, s.number, *s.to->api);
  try {
    s.served = loop_.front().serve(*s.to->api, **request, std::move(s.by), deadline,
                                   std::move(done));
  } catch (...) {
    // No call was made, so none will be answered.
    loop_.forget_call();
    throw;
  }
  loop_.hold(s.request.size(), 0);
  s.request = message_reader{0};
}

void connection::serve_side(stream& s) {
  while (!s.trailers) {
    auto message = s.request.next();
    if (!message)
      return refuse(s, std::move(message).error());
    if (!*message)
      break;
    s.to->side->on_message(s, **message);
  }
  {
    held_count counted{loop_, s.request};
    s.request.forget_given();
  }
  if (s.has_ended && !s.trailers)
    s.to->side->on_end(s);
}

bool connection::is_overfull() const noexcept {
  return queued_ > loop_.limits().queued_bytes_max;
}

void connection::refuse_overfull(stream& s) {
  loop_.meters().refused_queued.add();
  refuse(
    s, make_error(errc::resource_exhausted, "too many answers wait for this connection's client"));
}

void connection::refuse(stream& s, error why) {
  end_response(s, to_trailers(why));
}

// -- answering -----------------------------------------------------------------------------------

bool connection::answer(std::int32_t number, const method& of, result<std::string>& what) {
  auto* s = find(number);
  if (s == nullptr)
    return false;
  s->served.reset();
  // As if it were not there: a task that it brings is for others.
  if (is_overfull()) {
    refuse_overfull(*s);
    return false;
  }
  if (!what) {
    refuse(*s, std::move(what).error());
    return true;
  }
  if (of.tasks != cluster::Reply::NOWHERE)
    s->task_tokens = service::task_tokens_of(of, *what);
  queue(*s, std::move(*what));
  end_response(*s, {.status = "0"});
  return true;
}

void connection::queue(stream& s, std::string message) {
  auto before = s.response.size();
  s.response.push(message_head(message.size()));
  s.response.push(std::move(message));
  count_queued(before, s.response.size());
}

void connection::count_queued(std::size_t before, std::size_t after) {
  queued_ += after - before;
  loop_.queue(before, after);
}

void connection::begin_response(stream& s) {
  if (s.has_begun_response)
    nghttp2_session_resume_data(session_, s.number);
  else
    submit_response(session_, s);
  s.has_begun_response = true;
  loop_.flush_soon(*this);
}

void connection::end_response(stream& s, failure_trailers how) {
  s.trailers = std::move(how);
  if (s.has_begun_response || s.response.size() > 0)
    return begin_response(s);
  submit_refusal(session_, s.number, *s.trailers);
  loop_.flush_soon(*this);
}

void connection::refuse_http(stream& s) {
  s.trailers.emplace();
  if (!s.wants_head_only) {
    s.response.push("This port speaks gRPC.\n");
    count_queued(0, s.response.size());
  }
  submit_http_refusal(session_, s);
  loop_.flush_soon(*this);
}

// -- writing -------------------------------------------------------------------------------------

bool connection::flush() {
  was_pinged_ = false;
  if (phase_ == phase::closing)
    return true;
  if (!unsent_.empty() && !send(unsent_))
    return false;
  while (unsent_.empty()) {
    auto& out = loop_.write_buffer;
    out.clear();
    if (!next_output(out))
      return false;
    if (out.empty())
      break;
    if (!send(out))
      return false;
    unsent_ = out;
  }
  cancel_given_up();
  return !is_over() || end_writing();
}

/// What goes over the wire next, about as much as one write takes.
bool connection::next_output(std::string& out) {
  if (!tls_)
    return fill(out);
  if (tls_->is_open() && (!fill(out) || !seal(out)))
    return false;
  tls_->take_output(out);
  return true;
}

bool connection::seal(std::string& bytes) {
  auto& sealed = loop_.sealed_buffer;
  sealed.clear();
  tls_->take_output(sealed);
  auto given = given_;
  std::string_view rest = bytes;
  while (!rest.empty()) {
    auto part = rest.substr(0, tls::session::record_max);
    given += part.size();
    records_.push_back({.begin = sent_ + sealed.size(), .given = given});
    if (!tls_->send(part, sealed))
      return false;
    rest.remove_prefix(part.size());
  }
  bytes.swap(sealed);
  return true;
}

/// Asks the session for its frames until there are enough for one write.
bool connection::fill(std::string& out) {
  out.append(std::exchange(own_frames_, {}));
  out_ = &out;
  auto is_well = true;
  while (is_well && out.size() < write_size) {
    const std::uint8_t* frame = nullptr;
    auto n = nghttp2_session_mem_send(session_, &frame);
    is_well = n >= 0;
    if (n <= 0)
      break;
    out.append(reinterpret_cast<const char*>(frame), static_cast<std::size_t>(n));
  }
  out_ = nullptr;
  return is_well;
}

void connection::on_send(stream& s, std::string_view frame_head, std::size_t size) {
  out_->append(frame_head);
  // All that is in `out_` comes right behind what the socket has.
  if (!s.task_tokens.empty())
    packed_tasks_.push_back({.place = given_ + out_->size(),
                             .stream = s.number,
                             .tokens = std::exchange(s.task_tokens, {})});
  count_queued(size, 0);
  s.response.move_to(*out_, size);
}

/// Leaves in `bytes` what the other side does not take now.
bool connection::send(std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    auto n = ::send(socket_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
      forget_given_tasks();
      return false;
    }
    if (n < 0)
      break;
    sent += static_cast<std::size_t>(n);
    sent_ += static_cast<std::uint64_t>(n);
    if (!tls_)
      given_ = sent_;
    for (; !records_.empty() && records_.front().begin < sent_; records_.pop_front())
      given_ = records_.front().given;
  }
  forget_given_tasks();
  bytes.erase(0, sent);
  return true;
}

void connection::forget_given_tasks() {
  std::erase_if(packed_tasks_, [this](const packed_tasks& of) { return of.place < given_; });
}

// -- the end -------------------------------------------------------------------------------------

/// A frame was not fine. Without headers that are too long nothing that follows can be unpacked:
/// the other calls get their answers, that one ends as gRPC says RESOURCE_EXHAUSTED in HTTP/2.
void connection::turn_deaf() {
  is_deaf_ = true;
  if (guard_.found() == frame_guard::verdict::broken) {
    nghttp2_session_terminate_session(session_, NGHTTP2_PROTOCOL_ERROR);
    return loop_.flush_soon(*this);
  }
  loop_.meters().refused_headers.add();
  auto offender = guard_.offender();
  // A call that the session knows lives until the session has ended it (on_stream_close).
  if (find(offender) != nullptr)
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, offender, NGHTTP2_ENHANCE_YOUR_CALM);
  else
    own_frames_ = reset_frame(offender, NGHTTP2_ENHANCE_YOUR_CALM);
  for (auto& [number, s] : streams_) {
    if (number == offender)
      continue;
    if (!s->has_ended)
      s->refused = make_error(errc::unavailable, "the connection's client sent headers too long");
    due_.push_back(number);
  }
  phase_ = phase::gone;
  phase_ends_ = std::chrono::steady_clock::now() + loop_.times().last_calls;
  // Calls behind the last one that is named are over for the session: none that it knows is.
  auto last = std::max(offender, nghttp2_session_get_last_proc_stream_id(session_));
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last, NGHTTP2_ENHANCE_YOUR_CALM, nullptr, 0);
  loop_.flush_soon(*this);
  loop_.look_by(phase_ends_);
}

bool connection::is_over() const {
  if (guard_.found() == frame_guard::verdict::long_headers)
    return unsent_.empty() && streams_.empty() && nghttp2_session_want_write(session_) == 0;
  return unsent_.empty() && nghttp2_session_want_read(session_) == 0
         && nghttp2_session_want_write(session_) == 0;
}

void connection::go_away() {
  if (phase_ != phase::open)
    return;
  phase_ = phase::going;
  phase_ends_ = std::chrono::steady_clock::now() + notice_max;
  // Nobody is there who could be told.
  if (is_greeting())
    return loop_.look_by(began_);
  nghttp2_submit_shutdown_notice(session_);
  // Its answer comes after all calls that were sent before the notice arrived.
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  loop_.flush_soon(*this);
  loop_.look_by(phase_ends_);
}

void connection::say_last_call() {
  phase_ = phase::gone;
  phase_ends_ = std::chrono::steady_clock::now() + loop_.times().last_calls;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  loop_.flush_soon(*this);
}

/// Closing at once would take back what the client has not read yet.
bool connection::end_writing() {
  phase_ = phase::closing;
  phase_ends_ = std::chrono::steady_clock::now() + notice_max;
  loop_.look_by(phase_ends_);
  if (tls_) {
    tls_->end();
    tls_->take_output(unsent_);
    if (!send(unsent_))
      return false;
    // Nothing may follow the end.
    unsent_.clear();
  }
  return ::shutdown(socket_.get(), SHUT_WR) == 0;
}

bool connection::is_greeting() const noexcept {
  return tls_ && !tls_->is_open();
}

bool connection::look(time_point now) {
  if (is_greeting() && (phase_ != phase::open || now - began_ >= loop_.times().handshake))
    return false;
  switch (phase_) {
    case phase::open:
      break;
    case phase::going:
      if (now >= phase_ends_)
        say_last_call();
      return true;
    case phase::gone:
    case phase::closing:
      return now < phase_ends_;
  }
  const auto& times = loop_.times();
  if (now - opened_ >= times.age || (streams_.empty() && now - busy_ >= times.idle))
    go_away();
  else if (pinged_)
    return now - heard_ < times.silence + times.ping_patience;
  else if (now - heard_ >= times.silence) {
    pinged_ = true;
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
    loop_.flush_soon(*this);
  }
  return true;
}

connection::time_point connection::next_look() const noexcept {
  if (phase_ != phase::open)
    return phase_ends_;
  const auto& times = loop_.times();
  auto silent = heard_ + times.silence;
  auto next = std::min(opened_ + times.age, pinged_ ? silent + times.ping_patience : silent);
  if (is_greeting())
    next = std::min(next, began_ + times.handshake);
  return streams_.empty() ? std::min(next, busy_ + times.idle) : next;
}

} // namespace reprise::frontend
