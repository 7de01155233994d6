#pragma once

#include "tests/support/server_fixture.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace reprise::journals {

using namespace reprise::testing;
using namespace std::chrono_literals;

/// A whole server on a store file, and what a life in it needs beside the fixture's calls.
class server_on_file : public server_fixture {
public:
  explicit server_on_file(const std::string& path);

  /// A task that waits, or none.
  template <class Response, class Request>
  std::optional<Response> try_poll(const Request& request) {
    auto made = send_request(request, poll_options());
    run();
    if (!made.answered()) {
      made.handle->cancel();
      run();
      return std::nullopt;
    }
    auto task = read<Response>(made.answer());
    if (task.task_token().empty())
      return std::nullopt;
    return task;
  }

  /// Brings the clock to what a former life had.
  void go_on_at(time_point when);
};

/// Tokens of tasks that workers have when the life ends.
struct open_tokens {
  std::vector<std::string> workflow_tasks{};
  std::vector<std::string> activity_tasks{};
};

/// Fills an empty store with runs in every state, so that every event and every fact of this
/// version is written.
class life {
public:
  explicit life(server_on_file& server) : s_(server) {
  }

  open_tokens live();

private:
  using command = api::command::v1::Command;

  ws::PollWorkflowTaskQueueResponse task_of(const std::string& id);
  ws::PollActivityTaskQueueResponse activity_of(const std::string& id);
  void start(const std::string& id);
  /// Starts it and answers its first task with these.
  void start_with(const std::string& id, const std::vector<command>& commands);
  void signal(const std::string& id, const std::string& name, const std::string& request_id = {});
  void cancel(const std::string& id);
  ws::StartWorkflowExecutionRequest full_start(const std::string& id);

  void terminate(const std::string& id);
  /// Completes its workflow task with these.
  void answer(const std::string& id, const std::vector<command>& commands);
  void update(const std::string& id, const std::string& update_id, bool completes);
  void reset(const std::string& id, std::int64_t finish_event_id);

  void close_in_every_way();
  void run_through_activities();
  void have_trouble_with_tasks();
  void change_everything();
  void leave_activities_open();
  void leave_tasks_open();
  void leave_waits_open();
  // In relations.cpp.
  void have_children();
  void act_on_others();
  void update_and_reset();

  server_on_file& s_;
  open_tokens tokens_;
};

} // namespace reprise::journals
