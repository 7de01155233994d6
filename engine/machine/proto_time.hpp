#pragma once

#include "base/clock.hpp"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <algorithm>

// Between the API's times and ours. Whatever a hostile client sends fits: both directions clamp.

namespace reprise::engine {

/// About 100 years: the longest duration that has a meaning here.
inline constexpr duration longest_duration = std::chrono::hours{24 * 365 * 100};

inline google::protobuf::Timestamp to_proto(time_point t) {
  auto ns = t.time_since_epoch().count();
  google::protobuf::Timestamp out;
  auto seconds = ns / 1'000'000'000;
  auto rest = ns % 1'000'000'000;
  if (rest < 0) {
    rest += 1'000'000'000;
    --seconds;
  }
  out.set_seconds(seconds);
  out.set_nanos(static_cast<std::int32_t>(rest));
  return out;
}

inline time_point from_proto(const google::protobuf::Timestamp& t) {
  constexpr std::int64_t far = 9'000'000'000;
  auto seconds = std::clamp<std::int64_t>(t.seconds(), -far, far);
  return time_point{duration{seconds * 1'000'000'000 + t.nanos()}};
}

inline google::protobuf::Duration to_proto(duration d) {
  google::protobuf::Duration out;
  out.set_seconds(d.count() / 1'000'000'000);
  out.set_nanos(static_cast<std::int32_t>(d.count() % 1'000'000'000));
  return out;
}

inline duration from_proto(const google::protobuf::Duration& d) {
  constexpr std::int64_t far = 24LL * 3600 * 365 * 100;
  auto seconds = std::clamp<std::int64_t>(d.seconds(), -far, far);
  return duration{seconds * 1'000'000'000 + d.nanos()};
}

/// Makes a duration that is longer than `most` just as long; also one that we cannot count.
inline void cap_duration(google::protobuf::Duration& d, duration most) {
  constexpr std::int64_t far = 24LL * 3600 * 365 * 100;
  if (from_proto(d) > most || d.seconds() > far)
    d = to_proto(std::min(most, longest_duration));
}

} // namespace reprise::engine
