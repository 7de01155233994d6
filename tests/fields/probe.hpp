#pragma once

#include "tests/support/server_fixture.hpp"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace reprise::fields {

using namespace reprise::testing;
using google::protobuf::Message;

/// What is done to a request before it is sent.
using change = std::function<void(Message&)>;

/// A whole server of which everything is written down that a client can see. Two probes that are
/// asked the same say the same.
class probe : public server_fixture {
public:
  explicit probe(change how);

  /// Sends the call that is looked at, changed, and writes down what it answers.
  template <class Request>
  void ask(Request request) {
    plain_ = std::make_unique<Request>(request);
    if (change_)
      change_(request);
    send_changed(method_of(request), request);
  }

  /// Time passes: what a worker would be given, what clients would read.
  void look_on();

  /// What a call answers that is made only to see.
  template <class Response, class Request>
  Response look(const Request& request) {
    auto answer = ok<Response>(request, poll_options());
    see(answer);
    return answer;
  }

  void see(const Message& m);
  void see_error(const error& why);

  /// Everything that was seen; ids and tokens by the order in which they came.
  std::string seen() const;

  bool refused() const noexcept {
    return refused_;
  }

  /// The request as it was before the change.
  const Message& plain() const {
    return *plain_;
  }

  // -- worlds that a call needs ------------------------------------------------------------------

  /// A task whose workflow was just started; with an activity that is pending, if wanted.
  ws::PollWorkflowTaskQueueResponse workflow_task(const std::string& id = "w");
  ws::PollActivityTaskQueueResponse activity_task(const std::string& id = "w");
  /// Schedules it; nobody takes it.
  void with_activity(const std::string& id = "w");
  /// A workflow task, if one waits.
  std::optional<ws::PollWorkflowTaskQueueResponse> try_task();
  void close(const std::string& id, const std::vector<api::command::v1::Command>& commands);

private:
  void send_changed(const std::string& method, const Message& request);
  void take_tasks();
  void look_at_runs();
  void look_at_queues();
  void note(const made_call& made);

  change change_;
  std::unique_ptr<Message> plain_;
  std::string method_;
  std::vector<made_call> waiting_;
  std::string seen_;
  bool refused_ = false;
};

api::common::v1::Payload payload(const std::string& json);
api::common::v1::Payloads payloads(const std::string& json);
api::failure::v1::Failure application_failure(const std::string& text);

/// One way to make a call.
struct scenario {
  std::string name{};
  std::function<void(probe&)> live{};
  /// Only fields below one of these paths are looked at; empty: all.
  std::vector<std::string> only{};
};

/// Walks every field of the scenarios' requests: what neither shows nor is refused has to stand in
/// unseen.txt, and what stands there must not show. All scenarios are of these methods.
void check_fields(const std::vector<std::string>& methods, const std::vector<scenario>& scenarios);

} // namespace reprise::fields
