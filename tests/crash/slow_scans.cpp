// Ten clients count 200,000 workflows by filters that look at each, while orders go on and the
// lease is two seconds long: what users ask for costs others time, never what they own.
#include "store/mysql/literal.hpp"
#include "temporal/api/workflowservice/v1/request_response.pb.h"
#include "tests/crash/load/campaign.hpp"
#include "tests/crash/load/server_process.hpp"
#include "tests/crash/load/waiting.hpp"
#include "tests/crash/options.hpp"
#include "tests/store/backends.hpp"

#include <fstream>

using namespace reprise;
using namespace reprise::crash;
using std::chrono::seconds;
namespace service = temporal::api::workflowservice::v1;

namespace {

constexpr int scanners = 10;

/// Rows that lists and counts find, as of workflows that the server has nothing else to do with.
void add_rows(const std::string& dsn) {
  auto address = test::must(store::mysql::parse_dsn(dsn));
  store::mysql::connection db{address, address.database, store::mysql::role::reader};
  auto found = db.query("SELECT id FROM namespaces WHERE name = 'default'");
  REQUIRE(found.next());
  auto number = std::string{"((a.range_id * 256 + b.range_id) * 4 + c.range_id + 1)"};
  auto rows = db.update(
    "INSERT INTO visibility(run_key, close_order, start_time, execution_time, status, "
    "history_length, history_size_bytes, state_transitions, namespace_id, workflow_id, run_id, "
    "workflow_type, task_queue, attributes, info) SELECT "
    + number + ", " + number + ", 1, 1, 2, 3, 3, 3, " + store::mysql::fill("?", found.text(1))
    + ", CONCAT('row-', " + number + "), CONCAT('run-', " + number
    + "), 'row', 'none', '', '' FROM ranges a JOIN ranges b JOIN ranges c ON c.range_id < 4");
  CHECK(rows > 200'000);
}

void remove_rows(const std::string& dsn) {
  auto address = test::must(store::mysql::parse_dsn(dsn));
  store::mysql::connection db{address, address.database, store::mysql::role::reader};
  db.execute("DELETE FROM visibility WHERE workflow_type = 'row'");
}

/// Clients that count, one call behind the other, while it lives.
class counting_clients {
public:
  explicit counting_clients(int port) {
    for (int i = 0; i < scanners; ++i)
      clients_.emplace_back([this, port](const std::stop_token& ends) { run(port, ends); });
  }

  /// Counts that were answered; the others were refused.
  int answered() const {
    return answered_;
  }

  /// Answers that are neither a number nor RESOURCE_EXHAUSTED.
  int wrong() const {
    return wrong_;
  }

private:
  void run(int port, const std::stop_token& ends) {
    grpc_transport to;
    to.aim_at(port);
    service::CountWorkflowExecutionsRequest request;
    request.set_namespace_("default");
    request.set_query("WorkflowType != 'none' AND (WorkflowId STARTS_WITH 'none' OR "
                      "RunId STARTS_WITH 'none' OR TaskQueue STARTS_WITH 'nothing')");
    while (!ends.stop_requested()) {
      auto answer = to.call("CountWorkflowExecutions", request.SerializeAsString(), seconds{60});
      if (answer)
        ++answered_;
      else if (answer.error().code != errc::resource_exhausted)
        ++wrong_;
    }
  }

  std::atomic<int> answered_{0};
  std::atomic<int> wrong_{0};
  std::vector<std::jthread> clients_{};
};

} // namespace

TEST_CASE("ten clients that count 200,000 workflows take nothing from anybody, nor the lease") {
  test::mysql_backend database;
  if (!database.available())
    return;
  test::temporary_folder folder;
  auto log_file = folder.file("server.log");
  server_process server{{"--mysql", database.dsn, "--lease", "2"}, log_file};
  server.launch();
  auto port = server.wait_for_port(patience);
  REQUIRE(port != 0);
  grpc_transport to;
  to.aim_at(port);
  REQUIRE(wait_until([&] { return says_serving(to); }));
  add_rows(database.dsn);
  campaign load{to, {.seed = asked_for.seed, .in_flight = 50}};
  {
    counting_clients counting{port};
    // Each of them several times, and the lease renewed many times meanwhile.
    CHECK(wait_until(
      [&] { return counting.answered() >= 4 * scanners && load.book().acknowledged() > 500; }));
    CHECK(counting.wrong() == 0);
  }
  remove_rows(database.dsn);
  load.finish(seconds{60});
  load.check_again();
  load.end();
  for (const auto& text : load.book().violations())
    FAIL_CHECK(text);
  CHECK(server.end(seconds{20}) == 0);
  std::ifstream in{log_file};
  std::string said{std::istreambuf_iterator<char>{in}, {}};
  CHECK(said.find("no longer serving") == std::string::npos);
}
