#include "frontend/transport/session.hpp"

#include "base/ensure.hpp"
#include "frontend/transport/connection.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace reprise::frontend {

namespace {

/// What a client may send before we say that we have read it. Everything is read at once, so they
/// only bound what one round trip carries.
constexpr std::uint32_t stream_window = 1U << 20;
constexpr std::int32_t connection_window = 16 << 20;

/// Nothing may be thrown through the library's frames.
template <class Job>
int guarded(Job job) noexcept {
  try {
    job();
    return 0;
  } catch (...) {
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
}

std::string_view view(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

nghttp2_nv header(std::string_view name, std::string_view value, int flags) {
  auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), static_cast<std::uint8_t>(flags)};
}

/// Both outlive the call: nothing needs to be copied.
nghttp2_nv fixed_header(std::string_view name, std::string_view value) {
  return header(name, value, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE);
}

nghttp2_nv copied_header(std::string_view name, std::string_view value) {
  return header(name, value, NGHTTP2_NV_FLAG_NO_COPY_NAME);
}

using header_list = std::vector<nghttp2_nv>;

void add_trailers(header_list& to, const failure_trailers& t) {
  to.push_back(t.status == "0" ? fixed_header("grpc-status", "0")
                               : copied_header("grpc-status", t.status));
  if (!t.message.empty())
    to.push_back(copied_header("grpc-message", t.message));
  if (!t.details.empty())
    to.push_back(copied_header("grpc-status-details-bin", t.details));
}

header_list response_headers() {
  return {fixed_header(":status", "200"), fixed_header("content-type", "application/grpc")};
}

} // namespace

/// What nghttp2 tells a connection.
struct session_events {
  static connection& owner(void* user) {
    return *static_cast<connection*>(user);
  }

  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
      return 0;
    return guarded([&] { owner(user).on_begin(frame->hd.stream_id); });
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* user) {
    // A request's trailers say nothing that we know.
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
      return 0;
    return guarded([&] {
      if (auto* s = owner(user).find(frame->hd.stream_id))
        s->take_header(view(name, name_size), view(value, value_size));
    });
  }

  static int data(nghttp2_session*, std::uint8_t, std::int32_t number, const std::uint8_t* bytes,
                  std::size_t size, void* user) {
    return guarded([&] {
      auto& c = owner(user);
      if (auto* s = c.find(number))
        c.on_data(*s, view(bytes, size));
    });
  }

  static int received(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto& c = owner(user);
    if (frame->hd.type == NGHTTP2_PING)
      return guarded([&] {
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
          c.on_pong();
        else
          c.on_ping();
      });
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
      return 0;
    return guarded([&] {
      if (auto* s = c.find(frame->hd.stream_id))
        c.on_heard(*s, (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0);
    });
  }

  static int closed(nghttp2_session*, std::int32_t number, std::uint32_t why, void* user) {
    return guarded([&] { owner(user).on_closed(number, why != NGHTTP2_NO_ERROR); });
  }

  /// Who was answered before it had sent all is told that the rest is not wanted.
  static int sent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    auto is_end = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA)
                  && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (!is_end)
      return 0;
    if (auto* s = owner(user).find(frame->hd.stream_id); s != nullptr && !s->has_ended)
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    return 0;
  }

  /// How much of a response goes into the next frame.
  static ssize_t read(nghttp2_session* session, std::int32_t number, std::uint8_t*,
                      std::size_t most, std::uint32_t* flags, nghttp2_data_source* source, void*) {
    auto& s = *static_cast<stream*>(source->ptr);
    auto size = std::min(s.response.size(), most);
    if (size == s.response.size() && s.http_status != 0) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
    } else if (size == s.response.size() && s.trailers) {
      *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
      auto failed = guarded([&] {
        header_list list;
        add_trailers(list, *s.trailers);
        nghttp2_submit_trailer(session, number, list.data(), list.size());
      });
      if (failed != 0)
        return failed;
    } else if (size == 0) {
      return NGHTTP2_ERR_DEFERRED;
    }
    if (size > 0)
      *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    return static_cast<ssize_t>(size);
  }

  static int send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* frame_head,
                       std::size_t size, nghttp2_data_source* source, void* user) {
    constexpr std::size_t head_size = 9;
    return guarded([&] {
      owner(user).on_send(*static_cast<stream*>(source->ptr), view(frame_head, head_size), size);
    });
  }
};

namespace {

using callbacks = std::unique_ptr<nghttp2_session_callbacks,
                                  decltype([](auto* c) { nghttp2_session_callbacks_del(c); })>;
using options = std::unique_ptr<nghttp2_option, decltype([](auto* o) { nghttp2_option_del(o); })>;

callbacks make_callbacks() {
  nghttp2_session_callbacks* c = nullptr;
  ENSURE(nghttp2_session_callbacks_new(&c) == 0, "no memory for the transport");
  nghttp2_session_callbacks_set_on_begin_headers_callback(c, session_events::begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(c, session_events::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, session_events::data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(c, session_events::received);
  nghttp2_session_callbacks_set_on_stream_close_callback(c, session_events::closed);
  nghttp2_session_callbacks_set_on_frame_send_callback(c, session_events::sent);
  nghttp2_session_callbacks_set_send_data_callback(c, session_events::send_data);
  return callbacks{c};
}

options make_options(const transport_limits& limits) {
  nghttp2_option* o = nullptr;
  ENSURE(nghttp2_option_new(&o) == 0, "no memory for the transport");
  // Streams that are over are of use only for priorities, which we have none of.
  nghttp2_option_set_no_closed_streams(o, 1);
  nghttp2_option_set_stream_reset_rate_limit(o, limits.reset_burst, limits.reset_rate);
  return options{o};
}

} // namespace

nghttp2_session* new_session(connection& owner, const transport_limits& limits) {
  static const auto all_callbacks = make_callbacks();
  auto all_options = make_options(limits);
  nghttp2_session* session = nullptr;
  ENSURE(nghttp2_session_server_new2(&session, all_callbacks.get(), &owner, all_options.get()) == 0,
         "no memory for a connection");
  const std::array<nghttp2_settings_entry, 4> settings{{
    {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams_max},
    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window},
    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits.header_bytes_max)},
    {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  }};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, connection_window);
  return session;
}

std::string reset_frame(std::int32_t number, std::uint32_t code) {
  std::string out{'\0', '\0', '\4', static_cast<char>(NGHTTP2_RST_STREAM), '\0'};
  for (auto value : {static_cast<std::uint32_t>(number), code})
    for (int shift = 24; shift >= 0; shift -= 8)
      out.push_back(static_cast<char>(value >> shift & 0xFF));
  return out;
}

void submit_response(nghttp2_session* session, stream& s) {
  auto list = response_headers();
  nghttp2_data_provider from{.source = {.ptr = &s}, .read_callback = session_events::read};
  nghttp2_submit_response(session, s.number, list.data(), list.size(), &from);
}

void submit_refusal(nghttp2_session* session, std::int32_t number, const failure_trailers& why) {
  auto list = response_headers();
  add_trailers(list, why);
  nghttp2_submit_response(session, number, list.data(), list.size(), nullptr);
}

void submit_http_refusal(nghttp2_session* session, stream& s) {
  auto text = std::to_string(s.http_status);
  header_list list{copied_header(":status", text), fixed_header("content-type", "text/plain")};
  nghttp2_data_provider from{.source = {.ptr = &s}, .read_callback = session_events::read};
  nghttp2_submit_response(session, s.number, list.data(), list.size(),
                          s.response.size() > 0 ? &from : nullptr);
}

} // namespace reprise::frontend
