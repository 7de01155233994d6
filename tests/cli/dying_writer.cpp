// A writer that dies ends the process, which says so to whoever listens, and loses nothing.
#include "temporal/api/workflowservice/v1/request_response.pb.h"
#include "tests/cli/health_watch.hpp"
#include "tests/cli/raw_client.hpp"
#include "tests/cli/reprise_process.hpp"
#include "tests/support/temporary_folder.hpp"

#include <atomic>
#include <set>
#include <thread>

// Sanitizers have functions of their own where the fault is put.
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)

using namespace reprise;
using namespace reprise::testing;
namespace ws = temporal::api::workflowservice::v1;

namespace {

std::vector<std::string> server_on(const std::string& path) {
  return {"server", "start-dev", "--port", "0", "--db-filename", path};
}

/// Starts workflows until one is not answered with yes, for two minutes at most; the ids of the
/// others.
std::vector<std::string> start_until_refused(int port, const std::string& name) {
  raw_client client{port};
  std::vector<std::string> started;
  auto until = std::chrono::steady_clock::now() + std::chrono::minutes{2};
  while (std::chrono::steady_clock::now() < until) {
    auto id = name + "-" + std::to_string(started.size());
    ws::StartWorkflowExecutionRequest r;
    r.set_namespace_("default");
    r.set_workflow_id(id);
    r.mutable_workflow_type()->set_name("type");
    r.mutable_task_queue()->set_name("queue");
    auto answer = client.workflow_call("StartWorkflowExecution", r);
    if (!answer.status.ok()) {
      CHECK(answer.status.error_code() == grpc::StatusCode::UNAVAILABLE);
      return started;
    }
    started.push_back(id);
  }
  FAIL_CHECK("no start was refused");
  return started;
}

bool is_there(raw_client& client, const std::string& id) {
  ws::DescribeWorkflowExecutionRequest r;
  r.set_namespace_("default");
  r.mutable_execution()->set_workflow_id(id);
  return client.workflow_call("DescribeWorkflowExecution", r).status.ok();
}

} // namespace

TEST_CASE("a server whose writer dies says so, ends with an error, and loses nothing") {
  temporary_folder folder;
  auto path = folder.file("store.db");
  auto sign = folder.file("now");
  auto library = std::filesystem::read_symlink("/proc/self/exe").parent_path()
                 / "libreprise_dying_writer.so";
  reprise_process first{folder.path(),
                        "first",
                        server_on(path),
                        {{"LD_PRELOAD", library.string()}, {"REPRISE_TEST_WRITER_DIES", sign}}};
  auto port = first.port();
  raw_client watcher{port};
  health_watch health{watcher};
  constexpr int serving = 1;
  constexpr int not_serving = 2;
  CHECK(health.next() == serving);
  // Several at once, so that the writer waits for company.
  constexpr int callers = 4;
  std::vector<std::vector<std::string>> started(callers);
  {
    std::vector<std::jthread> all;
    for (int i = 0; i < callers; ++i)
      all.emplace_back([&, i] { started[i] = start_until_refused(port, std::to_string(i)); });
    std::ofstream{sign} << "now";
  }
  CHECK(health.next() == not_serving);
  CHECK(health.next() == -1);
  CHECK(first.exit_code() == 1);
  auto said = first.errors();
  CHECK_MESSAGE(said.find("this server cannot go on: its writer died") != std::string::npos, said);
  CHECK_MESSAGE(
    said.find("error: the server ended because it could not go on") != std::string::npos, said);
  CHECK(first.output().find("ending") == std::string::npos);
  reprise_process second{folder.path(), "second", server_on(path)};
  raw_client client{second.port()};
  for (const auto& ids : started)
    for (const auto& id : ids)
      CHECK_MESSAGE(is_there(client, id), id);
  second.signal(SIGTERM);
  CHECK(second.exit_code() == 0);
}

#endif
