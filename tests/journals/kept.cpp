// Stores and journals of former versions: what they say is what was said of them, and their
// workflows go on.
#include "protocol/journal.pb.h"
#include "tests/journals/record.hpp"
#include "tests/support/temporary_folder.hpp"

#include <google/protobuf/util/message_differencer.h>

#include <filesystem>
#include <functional>

using namespace reprise;
using namespace reprise::journals;

namespace {

/// Calls `f` for each kept version.
void each_version(const std::function<void(const std::string& folder)>& f) {
  auto versions = 0;
  for (const auto& place : std::filesystem::directory_iterator{REPRISE_JOURNALS}) {
    if (!place.is_directory())
      continue;
    ++versions;
    INFO("version " << place.path().filename().string());
    f(place.path().string());
  }
  CHECK(versions > 0);
}

/// A server on a copy of the kept store, at the moment when the former one ended.
struct reopened {
  explicit reopened(const std::string& folder)
    : said(record::parse(read_file(folder + "/record.txt.gz"))) {
    write_file(work.file("store.db"), read_file(folder + "/store.db.gz"));
    server = std::make_unique<server_on_file>(work.file("store.db"));
    server->go_on_at(said.ends);
  }

  temporary_folder work;
  record said;
  std::unique_ptr<server_on_file> server;
};

template <class Message>
std::string difference(const std::string& was, const std::string& is, bool may_say_more) {
  Message before;
  Message now;
  from_text(was, before);
  from_text(is, now);
  google::protobuf::util::MessageDifferencer differ;
  if (may_say_more)
    differ.set_scope(google::protobuf::util::MessageDifferencer::PARTIAL);
  std::string out;
  differ.ReportDifferencesToString(&out);
  differ.Compare(before, now);
  return out;
}

/// Answers what workers hold and what waits for one, until nothing does.
class finisher {
public:
  explicit finisher(server_on_file& server) : s_(server) {
  }

  void answer_old(const open_tokens& tokens) {
    for (const auto& token : tokens.activity_tasks)
      complete_activity(token);
    // Signals are buffered behind it, so it may not close.
    for (const auto& token : tokens.workflow_tasks)
      s_.complete_task(token, {});
  }

  void unpause(const std::string& workflow_id) {
    ws::UnpauseActivityRequest r;
    r.set_namespace_("default");
    r.mutable_execution()->set_workflow_id(workflow_id);
    r.set_id("a");
    s_.ok<ws::UnpauseActivityResponse>(r);
  }

  /// Activities complete; a workflow does when none of them is pending and no timer.
  void work(const std::string& queue) {
    while (auto task
           = s_.try_poll<ws::PollActivityTaskQueueResponse>(server_fixture::activity_poll(queue)))
      complete_activity(task->task_token());
    while (auto task
           = s_.try_poll<ws::PollWorkflowTaskQueueResponse>(server_fixture::poll_request(queue)))
      s_.complete_task(task->task_token(), {server_fixture::complete_command()});
  }

private:
  void complete_activity(const std::string& token) {
    ws::RespondActivityTaskCompletedRequest r;
    r.set_namespace_("default");
    r.set_task_token(token);
    s_.ok<ws::RespondActivityTaskCompletedResponse>(r);
  }

  server_on_file& s_;
};

} // namespace

TEST_CASE("a kept store answers as the version that wrote it") {
  each_version([](const std::string& folder) {
    reopened kept{folder};
    auto now = observe(*kept.server);
    REQUIRE(now.runs.size() == kept.said.runs.size());
    for (std::size_t i = 0; i < now.runs.size(); ++i) {
      const auto& was = kept.said.runs[i];
      const auto& is = now.runs[i];
      INFO(was.workflow_id);
      CHECK(is.run_id == was.run_id);
      CHECK(difference<api::history::v1::History>(was.history, is.history, false) == "");
      CHECK(difference<ws::DescribeWorkflowExecutionResponse>(was.describe, is.describe, true)
            == "");
    }
  });
}

TEST_CASE("kept journals fold to the states that they were folded to") {
  each_version([](const std::string& folder) {
    auto said = record::parse(read_file(folder + "/record.txt.gz"));
    CHECK(!said.runs.empty());
    for (const auto& run : said.runs) {
      INFO(run.workflow_id);
      engine::execution now;
      engine::execution was;
      REQUIRE(was.ParseFromString(run.state));
      REQUIRE(now.ParseFromString(run.snapshot));
      for (const auto& row : run.rows)
        REQUIRE(engine::evolve(now, row));
      google::protobuf::util::MessageDifferencer differ;
      differ.set_scope(google::protobuf::util::MessageDifferencer::PARTIAL);
      std::string changed;
      differ.ReportDifferencesToString(&changed);
      differ.Compare(was, now);
      CHECK(changed == "");
    }
  });
}

TEST_CASE("the workflows of a kept store go on, and finish") {
  each_version([](const std::string& folder) {
    reopened kept{folder};
    auto& s = *kept.server;
    finisher worker{s};
    worker.answer_old(kept.said.tokens);
    worker.unpause("activity-paused");
    for (int round = 0; round < 12; ++round) {
      for (const auto& run : kept.said.runs) {
        auto signal = server_fixture::signal_request(run.workflow_id);
        (void)s.answer_to(signal);
        worker.work(run.workflow_id);
      }
      s.advance(std::chrono::hours{12});
    }
    CHECK(s.count("ExecutionStatus = 'Running' AND WorkflowId != 'cron'") == 0);
    CHECK(s.count("ExecutionStatus = 'Running'") == 1);
  });
}
