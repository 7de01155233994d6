// Copies of a store while its server serves, and servers that go on from them.
#include "temporal/api/workflowservice/v1/request_response.pb.h"
#include "tests/cli/raw_client.hpp"
#include "tests/cli/reprise_process.hpp"
#include "tests/support/temporary_folder.hpp"

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;
namespace ws = temporal::api::workflowservice::v1;

namespace {

/// Customers who signal a workflow each, one signal after the other, and note what was
/// acknowledged.
class customers {
public:
  static constexpr std::size_t count = 3;

  explicit customers(int port) {
    for (std::size_t i = 0; i < count; ++i)
      threads_.emplace_back([this, i, port] { signal(i, port); });
  }

  ~customers() {
    end();
  }

  customers(const customers&) = delete;
  customers& operator=(const customers&) = delete;

  static std::string id(std::size_t i) {
    return "w" + std::to_string(i);
  }

  std::array<int, count> acknowledged() const {
    std::array<int, count> out{};
    for (std::size_t i = 0; i < count; ++i)
      out[i] = acknowledged_[i];
    return out;
  }

  void end() {
    enough_ = true;
    for (auto& t : threads_)
      if (t.joinable())
        t.join();
  }

private:
  void signal(std::size_t i, int port) {
    raw_client client{port};
    for (int n = 1; !enough_; ++n) {
      ws::SignalWorkflowExecutionRequest r;
      r.set_namespace_("default");
      r.mutable_workflow_execution()->set_workflow_id(id(i));
      r.set_signal_name(std::to_string(n));
      r.set_request_id(std::to_string(n));
      r.mutable_input()->add_payloads()->set_data(std::string(500, 'x'));
      auto answer = client.workflow_call("SignalWorkflowExecution", r);
      // A run has room for so many.
      if (answer.status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED)
        return;
      REQUIRE_MESSAGE(answer.status.ok(), answer.status.error_message());
      acknowledged_[i] = n;
    }
  }

  std::array<std::atomic<int>, count> acknowledged_{};
  std::atomic<bool> enough_{false};
  std::vector<std::thread> threads_;
};

struct world {
  temporary_folder folder{};
  std::string path = folder.file("store.db");
  int asked = 0;

  std::unique_ptr<reprise_process> serve(const std::string& store) {
    return std::make_unique<reprise_process>(
      folder.path(), "server" + std::to_string(++asked),
      std::vector<std::string>{"server", "start-dev", "--port", "0", "--db-filename", store});
  }

  void end(reprise_process& server) {
    server.signal(SIGTERM);
    CHECK(server.exit_code() == 0);
  }

  ended_process run(std::vector<std::string> words) {
    reprise_process p{folder.path(), "asked" + std::to_string(++asked), std::move(words)};
    return end_of(p);
  }

  ended_process backup(const std::string& to, int port, std::vector<std::string> more = {}) {
    std::vector<std::string> words{"backup", to, "--address", "127.0.0.1:" + std::to_string(port)};
    words.insert(words.end(), more.begin(), more.end());
    return run(std::move(words));
  }
};

void start(raw_client& client, const std::string& id) {
  ws::StartWorkflowExecutionRequest r;
  r.set_namespace_("default");
  r.set_workflow_id(id);
  r.mutable_workflow_type()->set_name("type");
  r.mutable_task_queue()->set_name("queue");
  REQUIRE(client.workflow_call("StartWorkflowExecution", r).status.ok());
}

/// The names of its signals, in the order of its history.
std::vector<int> signals_of(raw_client& client, const std::string& id) {
  std::vector<int> out;
  ws::GetWorkflowExecutionHistoryRequest r;
  r.set_namespace_("default");
  r.mutable_execution()->set_workflow_id(id);
  std::int64_t events = 0;
  do {
    auto answer = client.workflow_call("GetWorkflowExecutionHistory", r);
    REQUIRE_MESSAGE(answer.status.ok(), answer.status.error_message());
    ws::GetWorkflowExecutionHistoryResponse page;
    REQUIRE(page.ParseFromString(answer.bytes));
    for (const auto& e : page.history().events()) {
      CHECK(e.event_id() == ++events);
      if (e.has_workflow_execution_signaled_event_attributes())
        out.push_back(std::stoi(e.workflow_execution_signaled_event_attributes().signal_name()));
    }
    r.set_next_page_token(page.next_page_token());
  } while (!r.next_page_token().empty());
  return out;
}

/// Takes the workflow's task and ends it: what is stored of it folds.
void complete(raw_client& client) {
  ws::PollWorkflowTaskQueueRequest poll;
  poll.set_namespace_("default");
  poll.mutable_task_queue()->set_name("queue");
  auto answer = client.workflow_call("PollWorkflowTaskQueue", poll);
  REQUIRE_MESSAGE(answer.status.ok(), answer.status.error_message());
  ws::PollWorkflowTaskQueueResponse task;
  REQUIRE(task.ParseFromString(answer.bytes));
  REQUIRE_FALSE(task.task_token().empty());
  ws::RespondWorkflowTaskCompletedRequest done;
  done.set_namespace_("default");
  done.set_task_token(task.task_token());
  auto* c = done.add_commands();
  c->set_command_type(temporal::api::enums::v1::COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION);
  c->mutable_complete_workflow_execution_command_attributes();
  auto status = client.workflow_call("RespondWorkflowTaskCompleted", done).status;
  CHECK_MESSAGE(status.ok(), status.error_message());
}

} // namespace

TEST_CASE("a copy under load holds every acknowledged signal, and a server goes on from it") {
  world w;
  auto server = w.serve(w.path);
  auto port = server->port();
  raw_client client{port};
  for (std::size_t i = 0; i < customers::count; ++i)
    start(client, customers::id(i));
  customers load{port};
  REQUIRE(eventually([&] { return load.acknowledged()[customers::count - 1] > 200; }));
  auto before = load.acknowledged();
  auto copy = w.folder.file("copy.db");
  auto copied = w.backup(copy, port);
  REQUIRE_MESSAGE(copied.code == 0, copied.errors);
  CHECK(contains(copied.output, copy + " holds the store as it was at "));
  load.end();
  auto after = load.acknowledged();
  w.end(*server);

  auto place = w.folder.file("restored.db");
  auto restored = w.run({"restore", copy, "--db-filename", place});
  REQUIRE_MESSAGE(restored.code == 0, restored.errors);
  auto second = w.serve(place);
  raw_client again{second->port()};
  for (std::size_t i = 0; i < customers::count; ++i) {
    auto held = signals_of(again, customers::id(i));
    CHECK(static_cast<int>(held.size()) >= before[i]);
    CHECK(static_cast<int>(held.size()) <= after[i] + 1);
    for (std::size_t n = 0; n < held.size(); ++n)
      REQUIRE(held[n] == static_cast<int>(n) + 1);
  }
  for (std::size_t i = 0; i < customers::count; ++i)
    complete(again);
  auto parked
    = w.run({"parked", "list", "--address", "127.0.0.1:" + std::to_string(second->port())});
  CHECK(contains(parked.output, "Nothing is parked"));
  w.end(*second);
}

TEST_CASE("a copy takes nobody's place unless it is told to, and leaves nothing behind") {
  world w;
  auto server = w.serve(w.path);
  auto port = server->port();
  auto copy = w.folder.file("copy.db");
  std::ofstream{copy} << "precious";
  auto refused = w.backup(copy, port);
  CHECK(refused.code == 1);
  CHECK(contains(refused.errors, "--force"));
  CHECK(std::filesystem::file_size(copy) == 8);
  CHECK(w.backup(copy, port, {"--force"}).code == 0);
  CHECK(std::filesystem::file_size(copy) > 8);
  CHECK(contains(w.backup(w.folder.file("absent/copy.db"), port).errors, "does the folder exist?"));
  CHECK(contains(w.backup(w.folder.path(), port, {"--force"}).errors, "is no file"));
  for (const auto& one : std::filesystem::directory_iterator{w.folder.path()}) {
    CHECK_FALSE(contains(one.path().string(), ".part-"));
    CHECK_FALSE(contains(one.path().string(), "-backup-"));
  }
  w.end(*server);
  auto nobody = w.backup(w.folder.file("other.db"), port);
  CHECK(nobody.code == 1);
  CHECK(contains(nobody.errors, "no server answers"));
  CHECK_FALSE(std::filesystem::exists(w.folder.file("other.db")));
}

TEST_CASE("a store without a server is copied by its name, and only then") {
  world w;
  auto server = w.serve(w.path);
  server->port();
  auto copy = w.folder.file("copy.db");
  auto refused = w.run({"backup", copy, "--db-filename", w.path});
  CHECK(refused.code == 1);
  CHECK(contains(refused.errors, "Without --db-filename its server is asked"));
  w.end(*server);
  auto copied = w.run({"backup", copy, "--db-filename", w.path});
  CHECK_MESSAGE(copied.code == 0, copied.errors);
  CHECK(w.run({"backup", copy, "--db-filename", w.path, "--address", "127.0.0.1:1"}).code == 2);
}

TEST_CASE("a store in memory has no copies, and says so") {
  world w;
  auto server = w.serve(":memory:");
  auto said = w.backup(w.folder.file("copy.db"), server->port());
  CHECK(said.code == 1);
  CHECK(contains(said.errors, "The store is no file"));
}

TEST_CASE("a restore puts what was there aside, and never under a server") {
  world w;
  auto server = w.serve(w.path);
  auto port = server->port();
  raw_client client{port};
  start(client, "old");
  auto copy = w.folder.file("copy.db");
  REQUIRE(w.backup(copy, port).code == 0);
  start(client, "new");
  auto refused = w.run({"restore", copy, "--db-filename", w.path});
  CHECK(refused.code == 1);
  CHECK(contains(refused.errors, "--force"));
  auto in_use = w.run({"restore", copy, "--db-filename", w.path, "--force"});
  CHECK(in_use.code == 1);
  CHECK(contains(in_use.errors, "in use by process " + std::to_string(server->pid())));
  // What it wrote last lies in its WAL alone.
  server->signal(SIGKILL);
  CHECK(server->exit_code() == -SIGKILL);
  auto done = w.run({"restore", copy, "--db-filename", w.path, "--force"});
  REQUIRE_MESSAGE(done.code == 0, done.errors);
  auto at = done.output.find(w.path + "-replaced-");
  REQUIRE(at != std::string::npos);
  auto aside = done.output.substr(at, done.output.find(' ', at) - at);
  auto count = [&w](const std::string& path) {
    auto s = w.serve(path);
    raw_client c{s->port()};
    ws::CountWorkflowExecutionsRequest r;
    r.set_namespace_("default");
    ws::CountWorkflowExecutionsResponse n;
    REQUIRE(n.ParseFromString(c.workflow_call("CountWorkflowExecutions", r).bytes));
    w.end(*s);
    return n.count();
  };
  CHECK(count(w.path) == 1);
  CHECK(count(aside) == 2);
}

TEST_CASE("no copy comes between a store and its journal") {
  world w;
  auto server = w.serve(w.path);
  auto port = server->port();
  auto onto_itself = w.backup(w.path, port, {"--force"});
  CHECK(onto_itself.code == 1);
  CHECK(contains(onto_itself.errors, "choose another name"));
  auto copy = w.folder.file("copy.db");
  REQUIRE(w.backup(copy, port).code == 0);
  server->signal(SIGKILL);
  CHECK(server->exit_code() == -SIGKILL);
  std::filesystem::rename(w.path, w.folder.file("broken.db"));
  REQUIRE(std::filesystem::exists(w.path + "-wal"));
  auto refused = w.run({"restore", copy, "--db-filename", w.path});
  CHECK(refused.code == 1);
  CHECK(contains(refused.errors, "the journal of a store that was there"));
  CHECK_FALSE(std::filesystem::exists(w.path));
}

TEST_CASE("what is no copy is not restored") {
  world w;
  auto text = w.folder.file("text");
  std::ofstream{text} << std::string(9000, 'x');
  auto place = w.folder.file("place.db");
  CHECK(contains(w.run({"restore", text, "--db-filename", place}).errors, "is not a store"));
  CHECK(w.run({"restore", w.folder.file("absent"), "--db-filename", place}).code == 1);
  CHECK(w.run({"restore", text}).code == 2);
  CHECK_FALSE(std::filesystem::exists(place));
}
