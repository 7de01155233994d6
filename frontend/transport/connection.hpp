#pragma once

#include "base/tls/context.hpp"
#include "base/tls/session.hpp"
#include "frontend/transport/frame_guard.hpp"
#include "frontend/transport/limits.hpp"
#include "frontend/transport/socket.hpp"
#include "frontend/transport/stream.hpp"

#include <nghttp2/nghttp2.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace reprise::frontend {

class transport_loop;

/// How a transport treats its clients.
struct transport_settings {
  connection_times times{};
  transport_limits limits{};
  /// Null: without TLS.
  std::shared_ptr<tls::certificates> certificates{};
};

/// One client's connection: HTTP/2 by nghttp2, gRPC on top of it. Only on the thread of its loop.
class connection {
public:
  using time_point = std::chrono::steady_clock::time_point;

  connection(transport_loop& loop, file_descriptor socket, std::uint64_t id, time_point now);
  ~connection();

  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  std::uint64_t id() const noexcept {
    return id_;
  }

  int descriptor() const noexcept {
    return socket_.get();
  }

  /// Reads what has come and serves the calls in it. False: close the connection.
  bool read(time_point now);
  /// Sends what is to be sent, as far as the other side takes it. False: close the connection.
  bool flush();

  /// Whether flush() waits for the other side to take more.
  bool is_stuck() const noexcept {
    return !unsent_.empty();
  }

  /// Whether there is nothing to send that cannot wait a little for company: a ping was heard, and
  /// no answer to a call is there; other frames of the protocol go with the answer to the ping.
  bool may_send_later() const noexcept {
    return was_pinged_ && queued_ == 0 && phase_ == phase::open && unsent_.empty();
  }

  /// Whether to read from the client: not while it takes nothing and much waits for it.
  bool may_read() const noexcept {
    return !is_stuck() || !is_overfull();
  }

  /// For the loop: what it has the system tell it of.
  std::uint32_t watched_for = 0;
  /// For the loop: it will flush this.
  bool is_to_be_flushed = false;
  /// The same, but later.
  bool is_to_be_flushed_later = false;

  /// Answers a call of the API, if it is still there. False: it is not.
  bool answer(std::int32_t number, const method& of, result<std::string>& what);
  /// Lets calls end that are under way, and lets none begin.
  void go_away();
  /// Looks at the clock: pings who was silent for long, sends away who was here for long. False:
  /// close the connection.
  bool look(time_point now);
  /// When to look again.
  time_point next_look() const noexcept;

private:
  friend class stream;
  friend struct session_events;

  // What the session tells.
  void on_begin(std::int32_t number);
  void on_data(stream& s, std::string_view bytes);
  void on_heard(stream& s, bool has_ended);
  void on_closed(std::int32_t number, bool is_cut);
  void on_ping();
  void on_pong();
  void on_send(stream& s, std::string_view frame_head, std::size_t size);

  enum class phase : std::uint8_t {
    open,
    /// Told that it will be closed; calls may still be on their way to us.
    going,
    /// Told which was the last call that is served.
    gone,
    /// All is sent; we wait until the client has seen it.
    closing,
  };

  /// Tasks whose answer is packed for the socket, which has no byte of it yet.
  struct packed_tasks {
    /// Of the answer's first byte, among all that this connection sends.
    std::uint64_t place = 0;
    std::int32_t stream = 0;
    std::vector<std::string> tokens{};
  };

  stream* find(std::int32_t number);
  /// One header of the caller's, of the call that is being read.
  void hear(std::string_view name, std::string_view value);
  const caller_ptr& caller_now();
  void cancel_given_up();
  void forget_given_tasks();
  void serve_due();
  void serve(stream& s);
  void serve_api(stream& s);
  void serve_side(stream& s);
  bool is_overfull() const noexcept;
  void refuse_overfull(stream& s);
  void refuse(stream& s, error why);
  void refuse_http(stream& s);
  /// Has a message sent, sooner or later.
  void queue(stream& s, std::string message);
  void begin_response(stream& s);
  void end_response(stream& s, failure_trailers how);
  void count_queued(std::size_t before, std::size_t after);
  bool refuse_client();
  void turn_deaf();
  bool fill(std::string& out);
  bool next_output(std::string& out);
  bool seal(std::string& bytes);
  bool send(std::string& bytes);
  bool is_greeting() const noexcept;
  void say_last_call();
  bool end_writing();
  bool is_over() const;

  transport_loop& loop_;
  file_descriptor socket_;
  const std::uint64_t id_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<std::int32_t, std::unique_ptr<stream>> streams_;
  /// What the last call's caller said, as names and values with zeros between them: nearly always
  /// the same as what one of the calls before it said.
  std::string said_;
  /// What callers said, and who they are; the last one first.
  std::vector<std::pair<std::string, caller_ptr>> callers_;
  /// Streams that have something to be looked at, by number: they may close before that.
  std::vector<std::int32_t> due_;
  std::vector<std::int32_t> serving_;
  /// Calls whose callers are gone.
  std::vector<call::ptr> given_up_;
  /// Tasks whose callers are gone, no byte of the answer having been given to the socket.
  std::vector<std::string> lost_tasks_;
  std::vector<packed_tasks> packed_tasks_;
  /// Answers that the client does not read.
  std::size_t queued_ = 0;
  /// What the socket took so far, in bytes of ours, and in those that went over the wire.
  std::uint64_t given_ = 0;
  std::uint64_t sent_ = 0;
  /// With TLS: keeps the context that it was begun with.
  std::shared_ptr<SSL_CTX> tls_context_;
  std::optional<tls::session> tls_;

  /// Of records that are packed: where each begins on the wire, and how many bytes of ours are
  /// given when it is. A byte of a record is of no use without the whole: with the first one
  /// it counts as given.
  struct record {
    std::uint64_t begin = 0;
    std::uint64_t given = 0;
  };

  std::deque<record> records_;
  frame_guard guard_;
  /// Nothing more of what the client says can be read.
  bool is_deaf_ = false;
  /// Frames of our own, to go out between those of the session.
  std::string own_frames_;
  /// What the other side did not take yet.
  std::string unsent_;
  /// Where the session's frames go while it is asked for them.
  std::string* out_ = nullptr;
  phase phase_ = phase::open;
  time_point began_;
  /// The same, a little earlier: connections of one moment do not end in one moment.
  time_point opened_;
  time_point heard_;
  time_point busy_;
  /// When the phase or the wait for a ping's answer ends.
  time_point phase_ends_;
  bool pinged_ = false;
  /// By the client, since the last flush.
  bool was_pinged_ = false;
};

} // namespace reprise::frontend
