#pragma once

#include "frontend/service.hpp"

#include <functional>
#include <string>
#include <utility>

namespace reprise::frontend {

/// The public API as this server calls it itself: the same handlers and checks as for clients.
class own_calls {
public:
  using answered = std::function<void(result<std::string>)>;

  explicit own_calls(service& front) : front_(front) {
  }

  /// `done` is called exactly once, perhaps before this returns.
  void ask(const std::string& method, const std::string& request, answered done) {
    front_.serve("/temporal.api.workflowservice.v1.WorkflowService/" + method, request, {}, {},
                 std::move(done));
  }

  /// The time by which deadlines of calls go.
  time_point now() const {
    return front_.time().now();
  }

  /// The same of a response of this type.
  template <class Response>
  void ask_for(const std::string& method, const google::protobuf::MessageLite& request,
               std::function<void(result<Response>)> done) {
    ask(method, request.SerializeAsString(), [done = std::move(done)](result<std::string> answer) {
      Response response;
      if (!answer)
        done(std::move(answer).error());
      else if (!response.ParseFromString(*answer))
        done(make_error(errc::internal, "an answer of this server could not be read"));
      else
        done(std::move(response));
    });
  }

private:
  service& front_;
};

} // namespace reprise::frontend
