#include "frontend/poll/long_poll.hpp"

#include <algorithm>

namespace reprise::frontend {

namespace {

using namespace std::chrono_literals;

/// Kept back of the caller's deadline, for the answer's way.
constexpr duration reply_margin = 1s;
constexpr duration deadline_min = 2s;

} // namespace

result<time_point> task_poll_end(const call& c) {
  if (!c.deadline())
    return invalid_argument("Context timeout is not set.");
  auto now = c.now();
  if (*c.deadline() - now < deadline_min)
    return make_error(errc::failed_precondition, "Context timeout is too short.");
  return std::min(now + c.limits().task_poll_max, *c.deadline() - reply_margin);
}

time_point history_poll_end(const call& c) {
  auto now = c.now();
  auto end = now + c.limits().history_poll_max;
  if (c.deadline())
    end = std::min(end, std::max(now, *c.deadline() - reply_margin));
  return end;
}

google::protobuf::Timestamp to_timestamp(time_point t) {
  constexpr std::int64_t second = 1'000'000'000;
  auto nanos = t.time_since_epoch().count();
  google::protobuf::Timestamp out;
  out.set_seconds(nanos / second);
  out.set_nanos(static_cast<std::int32_t>(nanos % second));
  return out;
}

} // namespace reprise::frontend
