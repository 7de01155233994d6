#include "cluster/link/settings.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace reprise::link {

std::string to_string(const endpoint& at) {
  auto is_bare = at.host.find(':') == std::string::npos;
  return (is_bare ? at.host : "[" + at.host + "]") + ":" + std::to_string(at.port);
}

result<endpoint> parse_listening(const std::string& text) {
  auto unfit = [&text] {
    return make_error(errc::invalid_argument,
                      "\"" + text + "\" is no address of the form host:port or [host]:port");
  };
  auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0)
    return unfit();
  std::string_view host{text.data(), colon};
  auto is_bracketed = host.front() == '[' && host.back() == ']';
  if (is_bracketed)
    host = host.substr(1, host.size() - 2);
  endpoint out{.host = std::string{host}};
  const auto* end = text.data() + text.size();
  auto [at, failed] = std::from_chars(text.data() + colon + 1, end, out.port);
  if (failed != std::errc{} || at != end || host.empty()
      || host.find_first_of("[]") != std::string_view::npos
      || (!is_bracketed && host.find(':') != std::string_view::npos))
    return unfit();
  return out;
}

result<endpoint> parse_endpoint(const std::string& text) {
  auto out = parse_listening(text);
  if (out && out->port == 0)
    return make_error(errc::invalid_argument, "\"" + text + "\" has no port that can be called");
  return out;
}

result<void> check(const settings& s) {
  auto unfit = [](const char* why) { return make_error(errc::invalid_argument, why); };
  if (s.heartbeat < milliseconds{4} || s.silence < 2 * s.heartbeat)
    return unfit("the link's silence must be at least two of its heartbeats, of 4 ms or more");
  if (s.connect <= milliseconds{0} || s.handshake <= milliseconds{0}
      || s.farewell <= milliseconds{0} || s.retry_first <= milliseconds{0}
      || s.retry_max < s.retry_first)
    return unfit("the link's times must be longer than nothing, and its longest pause between "
                 "tries no shorter than its first");
  if (s.envelope_bytes_max == 0 || s.envelope_bytes_max > (1U << 30) || s.write_bytes == 0
      || s.connections_max == 0 || s.own_answers_max == 0 || s.strangers_max == 0)
    return unfit("the link's bounds must be more than nothing, and an envelope at most 1 GiB");
  if (std::ranges::any_of(s.lane, [](const lane_settings& l) {
        return l.send_bytes_max == 0 || l.window_bytes == 0;
      }))
    return unfit("each lane of the link needs room");
  return {};
}

} // namespace reprise::link
