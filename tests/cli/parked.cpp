// What an operator does about a workflow whose journal cannot be loaded.
#include "temporal/api/workflowservice/v1/request_response.pb.h"
#include "tests/cli/raw_client.hpp"
#include "tests/cli/reprise_process.hpp"
#include "tests/support/temporary_folder.hpp"

#include <sqlite3.h>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;
namespace ws = temporal::api::workflowservice::v1;

namespace {

void run_sql(const std::string& path, const char* text) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  REQUIRE(sqlite3_exec(db, text, nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
}

struct operators {
  temporary_folder folder{};
  std::string path = folder.path() + "/store.db";
  int asked = 0;

  std::unique_ptr<reprise_process> serve() {
    return std::make_unique<reprise_process>(
      folder.path(), "server" + std::to_string(++asked),
      std::vector<std::string>{"server", "start-dev", "--port", "0", "--db-filename", path});
  }

  void end(reprise_process& server) {
    server.signal(SIGTERM);
    CHECK(server.exit_code() == 0);
  }

  struct said {
    int code = 0;
    std::string output{};
    std::string errors{};
  };

  said parked(std::vector<std::string> words, int port) {
    words.insert(words.begin(), "parked");
    words.insert(words.end(), {"--address", "127.0.0.1:" + std::to_string(port)});
    reprise_process p{folder.path(), "asked" + std::to_string(++asked), std::move(words)};
    said out{.code = p.exit_code()};
    out.output = p.output();
    out.errors = p.errors();
    return out;
  }
};

grpc::Status start(raw_client& client, const std::string& id) {
  ws::StartWorkflowExecutionRequest r;
  r.set_namespace_("default");
  r.set_workflow_id(id);
  r.mutable_workflow_type()->set_name("type");
  r.mutable_task_queue()->set_name("queue");
  return client.workflow_call("StartWorkflowExecution", r).status;
}

grpc::Status describe(raw_client& client, const std::string& id) {
  ws::DescribeWorkflowExecutionRequest r;
  r.set_namespace_("default");
  r.mutable_execution()->set_workflow_id(id);
  return client.workflow_call("DescribeWorkflowExecution", r).status;
}

} // namespace

TEST_CASE_FIXTURE(operators, "what is parked can be listed, shown and tried again") {
  auto server = serve();
  {
    raw_client client{server->port()};
    REQUIRE(start(client, "order-7").ok());
  }
  end(*server);
  run_sql(path, "CREATE TABLE kept AS SELECT id, events FROM journal;"
                "UPDATE journal SET events = x'ffffff'");
  server = serve();
  auto port = server->port();
  raw_client client{port};
  CHECK(contains(describe(client, "order-7").error_message(), "parked"));
  // The log names the slot, too.
  auto logged = server->errors();
  auto at = logged.find("workflow order-7 is parked: ");
  REQUIRE(at != std::string::npos);
  CHECK(contains(logged.substr(at, logged.find('\n', at) - at), " (slot "));

  auto list = parked({"list"}, port);
  CHECK(list.code == 0);
  CHECK(contains(list.output, "order-7"));
  CHECK(contains(list.output, "REASON"));
  CHECK(contains(parked({"list", "--output", "json"}, port).output, "\"workflowId\": \"order-7\""));
  auto shown = parked({"show", "order-7"}, port);
  CHECK(shown.code == 0);
  CHECK(contains(shown.output, "Reason"));
  auto again = parked({"unpark", "order-7"}, port);
  CHECK(again.code == 1);
  CHECK(contains(again.errors, "parked"));
  auto unknown = parked({"show", "order-8"}, port);
  CHECK(unknown.code == 1);
  CHECK(contains(unknown.errors, "order-8 is not parked"));
  CHECK(contains(parked({"list", "--namespace", "made-up"}, port).errors, "made-up"));
  end(*server);

  run_sql(path, "UPDATE journal SET events = (SELECT events FROM kept WHERE kept.id = journal.id);"
                "DROP TABLE kept");
  server = serve();
  raw_client mended{server->port()};
  CHECK(describe(mended, "order-7").ok());
  auto nothing = parked({"list"}, server->port());
  CHECK(nothing.code == 0);
  CHECK(contains(nothing.output, "Nothing is parked in namespace default"));
  CHECK(contains(parked({"list", "--output", "json"}, server->port()).output, "\"workflows\": []"));
  end(*server);
}

TEST_CASE_FIXTURE(operators, "without a server an operator is told where none was found") {
  auto said = parked({"list"}, 1);
  CHECK(said.code == 1);
  CHECK(contains(said.errors, "127.0.0.1:1"));
  CHECK(contains(said.errors, "--address"));
}
