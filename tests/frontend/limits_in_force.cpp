// Settings that clients read are the settings that are obeyed.
#include "tests/support/server_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t blob_max = 10'240;
constexpr std::size_t memo_max = 5000;

struct bounded : server_fixture {
  bounded()
    : server_fixture({.node = {.bounds = {.blob_bytes_max = blob_max, .memo_bytes_max = memo_max}},
                      .front = {.task_poll_max = 5s,
                                .history_poll_max = 3s,
                                .page_rows_max = 2,
                                .attributes_of_type_max = 1}}) {
  }

  static void fill(api::common::v1::Payloads& blob, std::size_t bytes) {
    blob.add_payloads()->set_data(std::string(bytes, 'x'));
  }
};

ws::SignalWithStartWorkflowExecutionRequest signal_with_start(const std::string& id) {
  ws::SignalWithStartWorkflowExecutionRequest r;
  r.set_namespace_("default");
  r.set_workflow_id(id);
  r.mutable_workflow_type()->set_name("type");
  r.mutable_task_queue()->set_name("queue");
  r.set_signal_name("signal");
  return r;
}

} // namespace

TEST_CASE_FIXTURE(bounded, "a namespace is described with the limits in force") {
  ws::DescribeNamespaceRequest r;
  r.set_namespace_("default");
  auto limits = ok<ws::DescribeNamespaceResponse>(r).namespace_info().limits();
  CHECK(limits.blob_size_limit_error() == blob_max);
  CHECK(limits.memo_size_limit_error() == memo_max);
  auto listed = ok<ws::ListNamespacesResponse>(ws::ListNamespacesRequest{});
  REQUIRE(listed.namespaces_size() == 1);
  CHECK(listed.namespaces(0).namespace_info().limits().blob_size_limit_error() == blob_max);
}

TEST_CASE_FIXTURE(bounded, "blobs in every call end where the setting says") {
  constexpr const char* text = "Blob data size exceeds limit.";
  auto start = start_request("w");
  fill(*start.mutable_input(), blob_max);
  refused(errc::invalid_argument, text, start);
  start.clear_input();
  fill(*start.mutable_input(), blob_max - 20);
  ok<ws::StartWorkflowExecutionResponse>(start);
  auto signal = signal_request("w");
  fill(*signal.mutable_input(), blob_max);
  refused(errc::invalid_argument, text, signal);
  ws::QueryWorkflowRequest query;
  query.set_namespace_("default");
  query.mutable_execution()->set_workflow_id("w");
  query.mutable_query()->set_query_type("q");
  fill(*query.mutable_query()->mutable_query_args(), blob_max);
  refused(errc::invalid_argument, text, query);
  auto both = signal_with_start("v");
  fill(*both.mutable_signal_input(), blob_max);
  refused(errc::invalid_argument, text, both);
  both.clear_signal_input();
  fill(*both.mutable_input(), blob_max);
  refused(errc::invalid_argument, text, both);
}

TEST_CASE_FIXTURE(bounded, "memos have a limit of their own") {
  auto start = start_request("w");
  (*start.mutable_memo()->mutable_fields())["m"].set_data(std::string(memo_max, 'x'));
  refused(errc::invalid_argument, "Memo size exceeds limit.", start);
  auto both = signal_with_start("w");
  *both.mutable_memo() = start.memo();
  refused(errc::invalid_argument, "Memo size exceeds limit.", both);
}

TEST_CASE_FIXTURE(bounded, "polls wait as long as the settings say") {
  start_workflow("w");
  take_workflow_task();
  auto task = send_request(poll_request(), poll_options());
  auto activity = send_request(activity_poll(), poll_options());
  auto news = history_request("w");
  news.set_wait_new_event(true);
  news.set_history_event_filter_type(enums::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT);
  auto history = send_request(news, poll_options());
  run();
  advance(2900ms);
  CHECK_FALSE(history.answered());
  advance(200ms);
  CHECK(history.answered());
  CHECK_FALSE(activity.answered());
  advance(2s);
  CHECK(activity.answered());
  CHECK(task.answered());
}

TEST_CASE_FIXTURE(bounded, "pages of lists are as long as they may be") {
  for (const char* id : {"a", "b", "c"})
    start_workflow(id);
  auto asked = list_request();
  asked.set_page_size(100);
  auto page = ok<ws::ListWorkflowExecutionsResponse>(asked);
  CHECK(page.executions_size() == 2);
  asked.set_next_page_token(page.next_page_token());
  CHECK(ok<ws::ListWorkflowExecutionsResponse>(asked).executions_size() == 1);
}

TEST_CASE_FIXTURE(bounded, "a namespace has no more search attributes of a type than it may") {
  op::AddSearchAttributesRequest r;
  r.set_namespace_("default");
  (*r.mutable_search_attributes())["One"] = enums::INDEXED_VALUE_TYPE_INT;
  ok<op::AddSearchAttributesResponse>(r);
  (*r.mutable_search_attributes())["Two"] = enums::INDEXED_VALUE_TYPE_INT;
  CHECK(refusal(r).code == errc::invalid_argument);
}

// -- counts and sizes -----------------------------------------------------------------------------

namespace {

struct small : server_fixture {
  small()
    : server_fixture({.node = {.bounds = {.callbacks_max = 1,
                                          .search_attributes_max = 1,
                                          .search_attribute_bytes_max = 20,
                                          .search_attributes_bytes_max = 60,
                                          .history_page_max = 2}},
                      .front = {.callback_url_bytes_max = 20,
                                .callback_header_bytes_max = 10,
                                .links_max = 1,
                                .link_bytes_max = 40,
                                .build_id_bytes_max = 5,
                                .bad_binaries_max = 1}}) {
  }

  static void set(ws::StartWorkflowExecutionRequest& r, const char* name, std::size_t bytes) {
    auto& payload = (*r.mutable_search_attributes()->mutable_indexed_fields())[name];
    (*payload.mutable_metadata())["encoding"] = "json/plain";
    payload.set_data("\"" + std::string(bytes - 2, 'x') + "\"");
  }
};

} // namespace

TEST_CASE_FIXTURE(small, "search attributes of a start are as many and as large as settings say") {
  op::AddSearchAttributesRequest names;
  names.set_namespace_("default");
  for (const char* name : {"One", "Two"})
    (*names.mutable_search_attributes())[name] = enums::INDEXED_VALUE_TYPE_KEYWORD;
  ok<op::AddSearchAttributesResponse>(names);
  auto start = start_request("w");
  set(start, "One", 21);
  refused(errc::invalid_argument, "search attribute One value size 21 exceeds size limit 20",
          start);
  set(start, "One", 20);
  set(start, "Two", 5);
  refused(errc::invalid_argument, "number of search attributes 2 exceeds limit 1", start);
  start.mutable_search_attributes()->mutable_indexed_fields()->erase("Two");
  CHECK(refusal(start).message.ends_with("exceeds size limit 60"));
  set(start, "One", 5);
  ok<ws::StartWorkflowExecutionResponse>(start);
}

TEST_CASE_FIXTURE(small, "callbacks and links are as many and as large as settings say") {
  auto start = start_request("w");
  auto& callback = *start.add_completion_callbacks()->mutable_nexus();
  callback.set_url("temporal://systems-of-others");
  refused(errc::invalid_argument, "invalid url: url length longer than max length allowed of 20",
          start);
  callback.set_url("temporal://system");
  (*callback.mutable_header())["name"] = "1234567";
  refused(errc::invalid_argument, "invalid header: header size longer than max allowed size of 10",
          start);
  (*callback.mutable_header())["name"] = "123456";
  *start.add_completion_callbacks() = start.completion_callbacks(0);
  refused(errc::invalid_argument, "cannot attach more than 1 callbacks to an execution", start);
  start.mutable_completion_callbacks()->RemoveLast();
  start.add_links()->mutable_batch_job()->set_job_id("j");
  start.add_links()->mutable_batch_job()->set_job_id("k");
  refused(errc::invalid_argument, "cannot attach more than 1 links per request, got 2", start);
  start.mutable_links()->RemoveLast();
  start.mutable_links(0)->mutable_batch_job()->set_job_id(std::string(50, 'j'));
  CHECK(refusal(start).message.starts_with("link exceeds allowed size of 40, got "));
  start.mutable_links(0)->mutable_batch_job()->set_job_id("j");
  ok<ws::StartWorkflowExecutionResponse>(start);
  auto signal = signal_request("w");
  *signal.add_links() = start.links(0);
  *signal.add_links() = start.links(0);
  refused(errc::invalid_argument, "cannot attach more than 1 links per request, got 2", signal);
}

TEST_CASE_FIXTURE(small, "build ids, bad binaries and pages are as settings say") {
  auto poll = poll_request();
  poll.mutable_worker_version_capabilities()->set_build_id("123456");
  CHECK(refusal(poll, poll_options()).message
        == "Build ID exceeds configured limit.workerBuildIdSize, use a shorter build ID.");
  ws::UpdateNamespaceRequest change;
  change.set_namespace_("default");
  auto& binaries = *change.mutable_config()->mutable_bad_binaries()->mutable_binaries();
  binaries["one"].set_reason("r");
  ok<ws::UpdateNamespaceResponse>(change);
  binaries["two"].set_reason("r");
  CHECK(refusal(change).message == "Total resetBinaries cannot exceed the max limit: 1");
  start_workflow("w");
  for (int i = 0; i < 4; ++i)
    ok<ws::SignalWorkflowExecutionResponse>(signal_request("w"));
  auto history = history_request("w");
  history.set_maximum_page_size(100);
  auto page = ok<ws::GetWorkflowExecutionHistoryResponse>(history);
  CHECK(page.history().events_size() < 6);
  CHECK_FALSE(page.next_page_token().empty());
}

TEST_CASE("a name that no store keeps is no attribute's, however long names may be") {
  server_fixture f{{.node = {.bounds = {.id_length_max = 5000}}}};
  op::AddSearchAttributesRequest names;
  names.set_namespace_("default");
  (*names.mutable_search_attributes())[std::string(1001, 'n')] = enums::INDEXED_VALUE_TYPE_INT;
  f.refused(errc::invalid_argument, "Search attribute name length exceeds limit.", names);
  names.clear_search_attributes();
  (*names.mutable_search_attributes())[std::string(1000, 'n')] = enums::INDEXED_VALUE_TYPE_INT;
  f.ok<op::AddSearchAttributesResponse>(names);
}

// -- names ---------------------------------------------------------------------------------------

namespace {

constexpr std::size_t name_max = 50;

struct short_names : server_fixture {
  short_names() : server_fixture({.node = {.bounds = {.id_length_max = name_max}}}) {
  }

  const std::string fits = std::string(name_max, 'n');
  const std::string longer = fits + "n";
};

} // namespace

TEST_CASE_FIXTURE(short_names, "names in every call are as long as the setting says") {
  auto start = start_request(longer);
  refused(errc::invalid_argument, "WorkflowId exceeds maximum allowed length (51/50)", start);
  start.set_workflow_id(fits);
  start.set_request_id(longer);
  refused(errc::invalid_argument, "RequestId length exceeds limit.", start);
  start.set_request_id(fits);
  start.mutable_workflow_type()->set_name(longer);
  refused(errc::invalid_argument, "WorkflowType length exceeds limit.", start);
  start.mutable_workflow_type()->set_name(fits);
  start.mutable_task_queue()->set_name(longer);
  refused(errc::invalid_argument, "taskQueue length exceeds limit", start);
  start.mutable_task_queue()->set_name(fits);
  ok<ws::StartWorkflowExecutionResponse>(start);
  auto both = signal_with_start(longer);
  refused(errc::invalid_argument, "WorkflowId exceeds maximum allowed length (51/50)", both);
  auto signal = signal_request(fits);
  signal.set_signal_name(longer);
  refused(errc::invalid_argument, "SignalName length exceeds limit.", signal);
  auto poll = poll_request(longer);
  CHECK(refusal(poll, poll_options()).message == "taskQueue length exceeds limit");
  auto activity = activity_poll();
  activity.set_identity(longer);
  CHECK(refusal(activity, poll_options()).message == "Identity length exceeds limit.");
  ws::DescribeTaskQueueRequest queue;
  queue.set_namespace_("default");
  queue.mutable_task_queue()->set_name(longer);
  refused(errc::invalid_argument, "taskQueue length exceeds limit", queue);
  ws::RegisterNamespaceRequest space;
  space.set_namespace_(longer);
  refused(errc::invalid_argument, "Namespace length exceeds limit.", space);
  op::AddSearchAttributesRequest names;
  names.set_namespace_("default");
  (*names.mutable_search_attributes())[longer] = enums::INDEXED_VALUE_TYPE_INT;
  refused(errc::invalid_argument, "Search attribute name length exceeds limit.", names);
  auto task = take_workflow_task(fits);
  auto done = completion(task.task_token(), {complete_command()});
  done.set_identity(longer);
  refused(errc::invalid_argument, "Identity length exceeds limit.", done);
}
