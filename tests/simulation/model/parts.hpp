#pragma once

#include "tests/simulation/model/cluster.hpp"

#include <string>
#include <utility>

namespace reprise::simulation {

inline const std::string namespace_id = "11111111-1111-4111-8111-111111111111";

/// What clients and workers are given.
struct parts {
  universe& all;
  ledger& judge;
  cluster_of_processes& servers;
  std::uint64_t seed = 0;
  /// What workflows ask of others differs when they decide on it again.
  bool tells_time = false;
  /// Workers and clients misbehave; else they only work.
  bool chaos = true;
};

inline constexpr duration call_patience = 30s;
inline constexpr duration poll_patience = 65s;

/// A call with a parsed answer.
template <class Response, class Done>
std::uint64_t call(parts& p, const std::string& method, const google::protobuf::Message& request,
                   duration deadline, Done done) {
  return p.servers.call(method, request, deadline,
                        [&p, done = std::move(done)](result<std::string> answer) {
                          if (!answer)
                            return done(result<Response>{std::move(answer).error()});
                          Response out;
                          if (!out.ParseFromString(*answer))
                            p.all.fail("an answer that does not parse");
                          done(result<Response>{std::move(out)});
                        });
}

/// Worth another try: the call may or may not have happened.
inline bool is_doubtful(const error& e) {
  return e.code == errc::unavailable || e.code == errc::internal
         || e.code == errc::deadline_exceeded || e.code == errc::resource_exhausted;
}

} // namespace reprise::simulation
