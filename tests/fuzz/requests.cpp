// Any bytes to any method of a whole server: every call is answered once, by a code that is the
// caller's business, and the server goes on. An input is a method's number and a request; what it
// meets are the runs and tasks that earlier inputs left.
#include "base/log.hpp"
#include "temporal/api/workflowservice/v1/request_response.pb.h"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/message_mutator.hpp"
#include "tests/support/virtual_server.hpp"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <memory>

using namespace reprise;
using namespace reprise::testing;
namespace ws = temporal::api::workflowservice::v1;

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

/// So much is made anew so often, for memory's sake.
constexpr int calls_a_server = 3000;

std::vector<std::string>& texts() {
  static std::vector<std::string> all{"",
                                      "default",
                                      "w",
                                      "v",
                                      "queue",
                                      "type",
                                      "worker",
                                      "a",
                                      "t",
                                      "request",
                                      "nowhere",
                                      "\xc3\xa4",
                                      "WorkflowId = 'w'",
                                      "json/plain",
                                      "encoding",
                                      "City",
                                      "\"Rome\"",
                                      "null",
                                      "0198c2f0-0000-7000-8000-000000000001",
                                      "* * * * *",
                                      "@every 1h",
                                      "retry_policy",
                                      "TemporalTimeout:StartToClose"};
  return all;
}

struct world {
  world() {
    set_log_level(log_level::off);
    make();
  }

  void make() {
    server.reset();
    virtual_server_options options;
    options.node.seed = 1;
    options.node.memory_budget_bytes = 64 << 10;
    options.first.search_attributes = {{"City", 2}};
    server = std::make_unique<virtual_server>(std::move(options));
    calls = 0;
    methods.clear();
    for (const auto& m : server->front().methods())
      if (m->serve)
        methods.push_back(m.get());
  }

  const frontend::method& method_of(std::uint8_t number) const {
    return *methods[number % methods.size()];
  }

  std::unique_ptr<virtual_server> server;
  std::vector<const frontend::method*> methods;
  int calls = 0;
};

world& the_world() {
  // Never ended: at the process's end the actor library's own globals are gone before ours.
  static auto* w = new world;
  return *w;
}

/// Tokens and run ids that the server gave are worth bringing back.
void remember(const frontend::method& what, const std::string& response) {
  constexpr std::size_t kept = 40;
  auto keep = [](const std::string& text) {
    if (text.empty())
      return;
    if (texts().size() < kept)
      texts().push_back(text);
    else
      texts()[23 + std::hash<std::string>{}(text) % (kept - 23)] = text;
  };
  if (what.name == "PollWorkflowTaskQueue") {
    ws::PollWorkflowTaskQueueResponse task;
    if (task.ParseFromString(response))
      keep(task.task_token());
  } else if (what.name == "PollActivityTaskQueue") {
    ws::PollActivityTaskQueueResponse task;
    if (task.ParseFromString(response))
      keep(task.task_token());
  } else if (what.name == "StartWorkflowExecution") {
    ws::StartWorkflowExecutionResponse started;
    if (started.ParseFromString(response))
      keep(started.run_id());
  } else if (what.name.starts_with("GetWorkflowExecutionHistory")) {
    ws::GetWorkflowExecutionHistoryResponse page;
    if (page.ParseFromString(response))
      keep(page.next_page_token());
  }
}

std::unique_ptr<google::protobuf::Message> request_of(const frontend::method& what) {
  auto path = what.path.substr(1);
  std::replace(path.begin(), path.end(), '/', '.');
  const auto* described
    = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(path);
  fuzz::require(described != nullptr, "the method is described: " + path);
  const auto* prototype
    = google::protobuf::MessageFactory::generated_factory()->GetPrototype(described->input_type());
  return std::unique_ptr<google::protobuf::Message>{prototype->New()};
}

void set_text(google::protobuf::Message& m, const char* name, const std::string& value) {
  const auto* f = m.GetDescriptor()->FindFieldByName(name);
  if (f != nullptr && f->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_STRING
      && !f->is_repeated())
    m.GetReflection()->SetString(&m, f, value);
  if (f != nullptr && f->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE
      && !f->is_repeated())
    set_text(*m.GetReflection()->MutableMessage(&m, f), "name", value);
}

/// What a request needs to get past the first checks.
void fill(google::protobuf::Message& m, std::uint32_t seed) {
  set_text(m, "namespace", "default");
  set_text(m, "workflow_id", seed % 2 == 0 ? "w" : "v");
  set_text(m, "workflow_type", "type");
  set_text(m, "task_queue", "queue");
  set_text(m, "signal_name", "signal");
  set_text(m, "activity_id", "a");
  for (const char* name : {"workflow_execution", "execution"})
    if (const auto* f = m.GetDescriptor()->FindFieldByName(name);
        f != nullptr && f->message_type() != nullptr)
      set_text(*m.GetReflection()->MutableMessage(&m, f), "workflow_id", seed % 2 == 0 ? "w" : "v");
  if (texts().size() > 23)
    set_text(m, "task_token", texts()[23 + seed % (texts().size() - 23)]);
}

} // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  if (size < 1 || seed % 10 == 0)
    return LLVMFuzzerMutate(data, size, max_size);
  if (seed % 7 == 0)
    data[0] = static_cast<std::uint8_t>(seed >> 8);
  auto request = request_of(the_world().method_of(data[0]));
  if (!request->ParseFromArray(data + 1, static_cast<int>(size - 1)) || size == 1)
    fill(*request, seed);
  fuzz::message_mutator{seed, texts()}.mutate(*request);
  auto bytes = request->SerializeAsString();
  if (bytes.size() + 1 > max_size)
    return LLVMFuzzerMutate(data, size, max_size);
  std::copy(bytes.begin(), bytes.end(), data + 1);
  return bytes.size() + 1;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1)
    return 0;
  auto& w = the_world();
  if (++w.calls > calls_a_server)
    w.make();
  auto& server = *w.server;
  const auto& what = w.method_of(data[0]);
  auto made = server.send(what.path, fuzz::bytes_of(data + 1, size - 1),
                          {.timeout = std::chrono::seconds{70}});
  server.run();
  // What waits (polls, queries) ends with its deadline at the latest.
  if (!made.answered() && data[0] % 2 == 0)
    server.advance(std::chrono::seconds{1});
  if (!made.answered() && w.calls % 16 == 0)
    server.advance(std::chrono::seconds{75});
  made.handle->cancel();
  server.run();
  fuzz::require(*made.answers == 1, what.name + " is answered once");
  if (made.answer()) {
    remember(what, *made.answer());
    return 0;
  }
  const auto& why = made.answer().error();
  auto readable = why.message.starts_with("grpc: error unmarshalling request");
  fuzz::require(why.code != errc::internal || readable, what.name + " failed: " + why.message);
  fuzz::require(why.code != errc::unknown && why.code != errc::ok && why.code != errc::unavailable
                  && why.code != errc::data_loss,
                what.name + " answers " + std::string{to_string(why.code)} + ": " + why.message);
  return 0;
}
