// The flags of `server start-dev` and the settings that they carry.
#include "cli/server_options.hpp"
#include "cli/settings.hpp"
#include "cli/words.hpp"
#include "temporal/api/enums/v1/common.pb.h"

#include <doctest/doctest.h>

#include <CLI/CLI.hpp>
#include <algorithm>

using namespace reprise;
using namespace reprise::cli;
namespace enums = temporal::api::enums::v1;

namespace {

/// Empty: the arguments were taken.
std::string parse(std::vector<std::string> words, server_options& into) {
  CLI::App app{"test"};
  add_start_dev(app, into);
  words = apart(words);
  std::reverse(words.begin(), words.end());
  words.push_back("start-dev");
  try {
    app.parse(std::move(words));
  } catch (const CLI::ParseError& e) {
    return e.what();
  }
  auto fits = complete(*app.get_subcommand("start-dev"), into);
  return fits ? "" : fits.error().message;
}

configured_limits configured(const std::vector<std::string>& settings) {
  configured_limits bounds;
  std::vector<std::string> ignored;
  auto ok = apply_dynamic_config(settings, bounds, ignored);
  REQUIRE_MESSAGE(ok, (ok ? "" : ok.error().message));
  CHECK(ignored.empty());
  return bounds;
}

} // namespace

TEST_CASE("flags that people know are taken, with their short forms") {
  server_options o;
  CHECK(parse({"--ip",
               "0.0.0.0",
               "-p",
               "7000",
               "--metrics-port",
               "9000",
               "-f",
               "a.db",
               "-n",
               "one",
               "--namespace",
               "two",
               "--search-attribute",
               "City=Keyword",
               "--search-attribute=Age=Int",
               "--dynamic-config-value",
               "a.b=\"c\"",
               "--log-level",
               "error",
               "--headless",
               "--memory",
               "10"},
              o)
        == "");
  CHECK(o.ip == "0.0.0.0");
  CHECK(o.port == 7000);
  CHECK(o.metrics_port == 9000);
  CHECK(o.db_filename == "a.db");
  CHECK(o.namespaces == std::vector<std::string>{"one", "two"});
  CHECK(o.search_attributes == std::vector<std::string>{"City=Keyword", "Age=Int"});
  CHECK(o.dynamic_config == std::vector<std::string>{"a.b=\"c\""});
  CHECK(o.reference.headless);
  CHECK(o.memory_mib == 10);
}

TEST_CASE("a text is taken as it is, whatever it looks like") {
  for (const char* word : {"[]", "[a,b]", "{}", "%%", "--headless", "-p", "a,b", ""}) {
    CAPTURE(word);
    const std::vector<std::string> once{word};
    server_options o;
    CHECK(parse({"-n", word, "--search-attribute", word, "--dynamic-config-value", word,
                 "--sqlite-pragma", word, "-f", word, "--log-level", word},
                o)
          == "");
    CHECK(o.namespaces == once);
    CHECK(o.search_attributes == once);
    CHECK(o.dynamic_config == once);
    CHECK(o.reference.sqlite_pragmas == once);
    CHECK(o.db_filename == word);
    CHECK(o.log_level == word);
    CHECK_FALSE(o.reference.headless);
  }
  server_options twice;
  CHECK(parse({"-n", "[]", "--namespace", "{}", "--namespace=[a]"}, twice) == "");
  CHECK(twice.namespaces == std::vector<std::string>{"[]", "{}", "[a]"});
  // One word a flag, as with the reference's.
  server_options more;
  CHECK(parse({"-n", "one", "two"}, more) != "");
}

TEST_CASE("a value behind a sign of equality is that, and not the next word") {
  server_options o;
  CHECK(parse({"--db-filename=", "--headless", "-n=a", "-n=", "--namespace=", "--namespace=b=c",
               "-p=7000", "--log-level=info"},
              o)
        == "");
  CHECK(o.db_filename.empty());
  CHECK(o.reference.headless);
  CHECK(o.namespaces == std::vector<std::string>{"a", "", "", "b=c"});
  CHECK(o.port == 7000);
  CHECK(o.log_level == "info");
  using words = std::vector<std::string>;
  CHECK(apart({"a", "-", "--", "--x=", "-n=y"}) == words{"a", "-", "--", "--x=", "-n=y"});
}

TEST_CASE("nothing said is the reference's default") {
  server_options o;
  CHECK(parse({}, o) == "");
  CHECK(o.ip == "127.0.0.1");
  CHECK(o.port == 7233);
  CHECK(o.db_filename.empty());
  CHECK_FALSE(o.reference.headless);
}

TEST_CASE("flags that make no sense are refused") {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--port", "65536"},
                                                {"--port", "-1"},
                                                {"--port", "seven"},
                                                {"--metrics-port", "100000"},
                                                {"--memory", "0"},
                                                {"--memory", "-5"},
                                                {"--made-up"},
                                                {"--db-filename"},
                                                {"--db-filename", "a", "--mysql", "mysql://x/y"},
                                                {"word"}}) {
    server_options o;
    CHECK(parse(words, o) != "");
  }
}

TEST_CASE("search attributes are named with their type") {
  auto city = parse_search_attribute("City=Keyword");
  REQUIRE(city);
  CHECK(city->first == "City");
  CHECK(city->second == enums::INDEXED_VALUE_TYPE_KEYWORD);
  CHECK(parse_search_attribute("T=KeywordList")->second == enums::INDEXED_VALUE_TYPE_KEYWORD_LIST);
  for (const char* bad : {"", "City", "City=", "=Keyword", "City=keyword", "City=Keyword ",
                          "City=Unspecified", "City==Keyword"}) {
    auto refused = parse_search_attribute(bad);
    INFO(bad);
    REQUIRE(!refused);
    CHECK(refused.error().message.find("Name=Type") != std::string::npos);
  }
}

TEST_CASE("settings by the reference's names reach the engine's bounds") {
  auto bounds = configured(
    {"limit.blobSize.error=1000", "LIMIT.memosize.Error=2000", "limit.maxIDLength=\"50\"",
     "history.defaultWorkflowTaskTimeout=\"1m30s\"", "history.workflowIdReuseMinimalInterval=0s",
     "history.workflowTaskRetryMaxInterval=1.5h", "matching.longPollExpirationInterval=\"7s\"",
     "history.longPollExpirationInterval=3s", "history.workflowTaskHeartbeatTimeout=\"1d12h\"",
     "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=2"});
  CHECK(bounds.engine.workflow_task_problems_reported == 2);
  CHECK(bounds.engine.workflow_task_heartbeat_max == std::chrono::hours{36});
  CHECK(bounds.engine.blob_bytes_max == 1000);
  CHECK(bounds.engine.memo_bytes_max == 2000);
  CHECK(bounds.engine.id_length_max == 50);
  CHECK(bounds.engine.workflow_task_timeout_default == std::chrono::seconds{90});
  CHECK(bounds.engine.run_interval_min == duration{0});
  CHECK(bounds.engine.workflow_task_backoff_max == std::chrono::minutes{90});
  CHECK(bounds.front.task_poll_max == std::chrono::seconds{7});
  CHECK(bounds.front.history_poll_max == std::chrono::seconds{3});
}

TEST_CASE("a duration without a unit is of seconds") {
  auto bounds = configured({"history.workflowIdReuseMinimalInterval=0",
                            "history.workflowTaskRetryMaxInterval=90",
                            "history.longPollExpirationInterval=\"2.5\""});
  CHECK(bounds.engine.run_interval_min == duration{0});
  CHECK(bounds.engine.workflow_task_backoff_max == std::chrono::seconds{90});
  CHECK(bounds.front.history_poll_max == std::chrono::milliseconds{2500});
  for (const auto* bad :
       {"history.workflowTaskRetryMaxInterval=-1", "history.workflowTaskRetryMaxInterval=1m30",
        "history.workflowTaskRetryMaxInterval=s"}) {
    CAPTURE(bad);
    configured_limits into;
    std::vector<std::string> ignored;
    CHECK_FALSE(apply_dynamic_config({bad}, into, ignored));
  }
}

TEST_CASE("each limit of the API has its setting, by the reference's name") {
  auto bounds = configured(
    {"limit.mutableStateSize.error=1", "limit.mutableStateActivityFailureSize.error=2",
     "system.transactionSizeLimit=3", "history.historyMaxAutoResetPoints=4",
     "history.MaxBufferedQueryCount=5", "frontend.searchAttributesNumberOfKeysLimit=6",
     "frontend.searchAttributesSizeOfValueLimit=7", "frontend.searchAttributesTotalSizeLimit=8",
     "system.maxCallbacksPerWorkflow=9", "frontend.callbackURLMaxLength=10",
     "frontend.callbackHeaderMaxLength=11", "frontend.maxlinksPerRequest=12",
     "frontend.linkMaxSize=13", "frontend.maxBadBinaries=14", "frontend.visibilityMaxPageSize=15",
     "limit.historyMaxPageSize=16", "limit.workerBuildIdSize=17", "history.maxTotalUpdates=15",
     "history.maxTotalUpdates.suggestContinueAsNewThreshold=0.5"});
  CHECK(bounds.engine.state_bytes_max == 1);
  CHECK(bounds.engine.retained_failure_bytes_max == 2);
  CHECK(bounds.engine.transaction_bytes_max == 3);
  CHECK(bounds.engine.reset_points_max == 4);
  CHECK(bounds.capacity.workflow.queries_buffered_max == 5);
  CHECK(bounds.engine.search_attributes_max == 6);
  CHECK(bounds.engine.search_attribute_bytes_max == 7);
  CHECK(bounds.engine.search_attributes_bytes_max == 8);
  CHECK(bounds.engine.callbacks_max == 9);
  CHECK(bounds.front.callback_url_bytes_max == 10);
  CHECK(bounds.front.callback_header_bytes_max == 11);
  CHECK(bounds.front.links_max == 12);
  CHECK(bounds.front.link_bytes_max == 13);
  CHECK(bounds.front.bad_binaries_max == 14);
  CHECK(bounds.front.page_rows_max == 15);
  CHECK(bounds.engine.history_page_max == 16);
  CHECK(bounds.front.build_id_bytes_max == 17);
  CHECK(bounds.engine.updates_max == 15);
  CHECK(bounds.engine.suggest_continue_updates == 8);
  for (const auto* bad : {"frontend.visibilityMaxPageSize=0", "frontend.historyMaxPageSize=0",
                          "frontend.linkMaxSize=99999999999",
                          "history.maxTotalUpdates.suggestContinueAsNewThreshold=1.1"}) {
    CAPTURE(bad);
    configured_limits into;
    std::vector<std::string> ignored;
    CHECK_FALSE(apply_dynamic_config({bad}, into, ignored));
  }
}

TEST_CASE("rates of a namespace's calls are limited where they are set") {
  using group = frontend::rate_limits::group;
  CHECK_FALSE(configured({}).front.rates.any());
  auto set = configured({"frontend.namespaceRPS=10", "frontend.namespaceBurstRatio=1.5",
                         "frontend.namespaceRPS.visibility=\"0.5\"",
                         "frontend.namespaceRPS.namespaceReplicationInducingAPIs=3",
                         "frontend.namespaceBurstRatio.namespaceReplicationInducingAPIs=4",
                         "frontend.namespaceBurstRatio.visibility=2", "frontend.namespaceCount=7"})
               .front.rates;
  auto of = [&](group g) { return set.rates[static_cast<std::size_t>(g)]; };
  CHECK(set.any());
  CHECK(of(group::others).per_second == 10.0);
  CHECK(of(group::others).burst == 1.5);
  CHECK(of(group::lists).per_second == 0.5);
  CHECK(of(group::lists).burst == 2);
  CHECK(of(group::changes_of_namespaces).per_second == 3.0);
  CHECK(of(group::changes_of_namespaces).burst == 4);
  CHECK(set.waiting_max == 7);
  for (const auto* bad : {"frontend.namespaceRPS=-1", "frontend.namespaceRPS=fast",
                          "frontend.namespaceRPS=nan", "frontend.namespaceRPS=1e99",
                          "frontend.namespaceBurstRatio=0.5", "frontend.namespaceCount=1.5"}) {
    CAPTURE(bad);
    configured_limits into;
    std::vector<std::string> ignored;
    CHECK_FALSE(apply_dynamic_config({bad}, into, ignored));
  }
}

TEST_CASE("settings of our own reach the bounds of the machine") {
  auto capacity
    = configured({"reprise.calls=10", "reprise.callBytes=1000", "reprise.taskQueues=11",
                  "reprise.storeReads=12", "reprise.storeScans=20", "reprise.workflow.calls=13",
                  "reprise.workflow.callBytes=2000", "reprise.workflow.historyPolls=14",
                  "reprise.workflow.queries=15", "reprise.taskQueue.polls=16",
                  "reprise.taskQueue.tasks=17", "reprise.taskQueue.taskBytes=3000",
                  "reprise.taskQueue.queries=18", "reprise.timer.deadlines=19",
                  "reprise.timer.putOff=21", "reprise.returnedTasks=22", "reprise.messages=23",
                  "reprise.messageBytes=4000", "reprise.messages.atOnce=24"})
        .capacity;
  CHECK(capacity.calls_max == 10);
  CHECK(capacity.call_bytes_max == 1000);
  CHECK(capacity.queues_max == 11);
  CHECK(capacity.jobs_max == 12);
  CHECK(capacity.scans_max == 20);
  CHECK(capacity.workflow.calls_max == 13);
  CHECK(capacity.workflow.call_bytes_max == 2000);
  CHECK(capacity.workflow.polls_max == 14);
  CHECK(capacity.workflow.queries_max == 15);
  CHECK(capacity.queue.pollers_max == 16);
  CHECK(capacity.queue.tasks_max == 17);
  CHECK(capacity.queue.task_bytes_max == 3000);
  CHECK(capacity.queue.queries_max == 18);
  CHECK(capacity.timer.armed_max == 19);
  CHECK(capacity.timer.put_off_max == 21);
  CHECK(capacity.returned_max == 22);
  CHECK(capacity.messages.messages_max == 23);
  CHECK(capacity.messages.bytes_max == 4000);
  CHECK(capacity.messages.under_way_max == 24);
}

TEST_CASE("settings of our own reach the bounds of commits and of scans") {
  auto bounds = configured({"reprise.scan.atOnce=3", "reprise.scan.time=\"2s\"",
                            "reprise.commit.transitions=4", "reprise.commit.bytes=5000",
                            "reprise.commit.window=\"6ms\"", "reprise.commit.windowAppends=7"});
  CHECK(bounds.capacity.scanners == 3);
  CHECK(bounds.scans.sessions == 3);
  CHECK(bounds.scans.time_max == std::chrono::seconds{2});
  CHECK(bounds.group.transitions_max == 4);
  CHECK(bounds.group.bytes_max == 5000);
  CHECK(bounds.group.window == std::chrono::milliseconds{6});
  CHECK(bounds.group.window_appends == 7);
  for (const auto* zero :
       {"reprise.scan.atOnce=0", "reprise.scan.time=0s", "reprise.commit.transitions=0"}) {
    configured_limits into;
    std::vector<std::string> ignored;
    CHECK_FALSE(apply_dynamic_config({zero}, into, ignored));
  }
}

TEST_CASE("settings reach how long connections live, and how the server ends") {
  auto bounds = configured(
    {"frontend.keepAliveMaxConnectionAge=1m", "frontend.keepAliveMaxConnectionAgeGrace=2m",
     "frontend.keepAliveMaxConnectionIdle=30s", "frontend.keepAliveTime=40s",
     "frontend.keepAliveTimeout=\"1500ms\"", "frontend.shutdownFailHealthCheckDuration=5s",
     "frontend.shutdownDrainDuration=0s"});
  CHECK(bounds.connections.age == std::chrono::minutes{1});
  CHECK(bounds.connections.last_calls == std::chrono::minutes{2});
  CHECK(bounds.connections.idle == std::chrono::seconds{30});
  CHECK(bounds.connections.silence == std::chrono::seconds{40});
  CHECK(bounds.connections.ping_patience == std::chrono::milliseconds{1500});
  CHECK(bounds.end.notice == std::chrono::seconds{5});
  CHECK(bounds.end.last_calls == duration{0});
  for (const auto* bad :
       {"frontend.keepAliveMaxConnectionAge=999ms", "frontend.keepAliveTime=0s",
        "frontend.shutdownDrainDuration=61m", "frontend.shutdownFailHealthCheckDuration=-1s"}) {
    CAPTURE(bad);
    configured_limits into;
    std::vector<std::string> ignored;
    CHECK_FALSE(apply_dynamic_config({bad}, into, ignored));
  }
}

TEST_CASE("settings that this server does not know are named, not refused") {
  configured_limits bounds;
  std::vector<std::string> ignored;
  CHECK(apply_dynamic_config(
    {"frontend.made.up=true", "system.x={\"a\":1}", "frontend.made.up=[{\"value\":2}]"}, bounds,
    ignored));
  CHECK(ignored == std::vector<std::string>{"frontend.made.up", "system.x"});
}

TEST_CASE("values that do not fit are refused with the setting") {
  for (const char* bad :
       {"limit.blobSize.error", "=5", "limit.blobSize.error=", "limit.blobSize.error=-1",
        "limit.blobSize.error=many", "limit.blobSize.error=1.5",
        "limit.blobSize.error=99999999999999999999", "history.defaultWorkflowTaskTimeout=10x",
        "history.defaultWorkflowTaskTimeout=", "history.defaultWorkflowTaskTimeout=-1s",
        "history.defaultWorkflowTaskTimeout=1 s", "history.defaultWorkflowTaskTimeout=1fortnight",
        "history.defaultWorkflowTaskTimeout=1e300h", "history.defaultWorkflowTaskTimeout=nans",
        "history.defaultWorkflowTaskTimeout=infs", "reprise.calls=0",
        "reprise.workflow.calls=-1"}) {
    configured_limits bounds;
    std::vector<std::string> ignored;
    INFO(bad);
    auto refused = apply_dynamic_config({bad}, bounds, ignored);
    REQUIRE(!refused);
    CHECK(refused.error().message.find("--dynamic-config-value") != std::string::npos);
  }
}

TEST_CASE("flags of the reference's server without a use here are taken, and told") {
  server_options o;
  CHECK(parse({"--log-config",
               "--ui-port",
               "8080",
               "--ui-ip",
               "::1",
               "--ui-asset-path",
               "/a",
               "--ui-public-path",
               "/b",
               "--ui-codec-endpoint",
               "c",
               "--http-port",
               "7243",
               "--headless",
               "--sqlite-pragma",
               "cache_size=5",
               "--sqlite-pragma",
               "synchronous=FULL",
               "--db-filename",
               ":memory:"},
              o)
        == "");
  auto notes = notes_on(o.reference);
  REQUIRE(notes);
  for (const char* flag :
       {"--log-config", "--ui-port", "--ui-ip", "--ui-asset-path", "--ui-public-path",
        "--ui-codec-endpoint", "--http-port", "--sqlite-pragma cache_size=5"})
    CHECK_MESSAGE(
      std::ranges::count_if(*notes, [&](const std::string& n) { return n.starts_with(flag); }) == 1,
      flag);
  CHECK(notes->size() == 8);
  CHECK(notes_on({.headless = true})->empty());
}

TEST_CASE("a pragma that weakens durability is refused by name, whatever its letters") {
  for (const char* bad : {"synchronous=OFF", "SYNCHRONOUS=normal", "synchronous=0", "synchronous=1",
                          "journal_mode=memory", "journal_mode=off", "writable_schema=1"}) {
    auto refused = notes_on({.sqlite_pragmas = {bad}});
    INFO(bad);
    REQUIRE(!refused);
    CHECK(refused.error().message.find(bad) != std::string::npos);
  }
  CHECK(!notes_on({.sqlite_pragmas = {"cache_size"}}));
  for (const char* good : {"synchronous=2", "journal_mode=WAL"})
    CHECK(notes_on({.sqlite_pragmas = {good}})->empty());
}

TEST_CASE("forms of log lines are known by name") {
  CHECK(*parse_log_format("json") == log_format::json);
  CHECK(*parse_log_format("text") == log_format::text);
  CHECK(*parse_log_format("pretty") == log_format::text);
  CHECK(!parse_log_format("xml"));
}

TEST_CASE("log levels are known by name") {
  CHECK(*parse_log_level("warn") == log_level::warn);
  CHECK(*parse_log_level("never") == log_level::off);
  CHECK(!parse_log_level("loud"));
  CHECK(!parse_log_level(""));
}

TEST_CASE("a store is kept in one place, and a password belongs to MySQL") {
  server_options o;
  CHECK(parse({"--db-filename", "a.db", "--mysql", "mysql://u@h/x"}, o).find("REPRISE_MYSQL")
        != std::string::npos);
  server_options p;
  CHECK_FALSE(parse({"--mysql-password-file", "secret"}, p).empty());
  server_options q;
  CHECK(parse({"--mysql", "mysql://u@h/x", "--mysql-password-file", "secret"}, q).empty());
}

TEST_CASE("settings that would make the server useless are refused") {
  for (std::string setting :
       {"matching.longPollExpirationInterval=0s", "history.longPollExpirationInterval=0s",
        "matching.longPollExpirationInterval=2500000h",
        "frontend.searchAttributesSizeOfValueLimit=4097"}) {
    CAPTURE(setting);
    configured_limits bounds;
    std::vector<std::string> ignored;
    CHECK_FALSE(apply_dynamic_config({setting}, bounds, ignored));
  }
  CHECK(
    configured({"frontend.searchAttributesSizeOfValueLimit=4096"}).engine.search_attribute_bytes_max
    == 4096);
}
