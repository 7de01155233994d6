#include "tests/fields/probe.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/text_format.h>

#include <cctype>
#include <map>

namespace reprise::fields {

using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::MessageFactory;

namespace {

virtual_server_options options() {
  return {.node = {.seed = 7},
          .first = {.name = "default",
                    .search_attributes = {{"Tag", enums::INDEXED_VALUE_TYPE_KEYWORD},
                                          {"Number", enums::INDEXED_VALUE_TYPE_INT}}}};
}

bool is_token(const FieldDescriptor& f) {
  return f.name() == "task_token" || f.name() == "next_page_token" || f.name() == "page_token";
}

/// Tokens are sealed: that there is one is all that a client may know.
void hide_tokens(Message& m) {
  const auto* r = m.GetReflection();
  std::vector<const FieldDescriptor*> set;
  r->ListFields(m, &set);
  for (const auto* f : set) {
    if (f->cpp_type() == FieldDescriptor::CPPTYPE_STRING && !f->is_repeated() && is_token(*f))
      r->SetString(&m, f, "token");
    if (f->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE)
      continue;
    if (!f->is_repeated()) {
      hide_tokens(*r->MutableMessage(&m, f));
      continue;
    }
    for (int i = 0; i < r->FieldSize(m, f); ++i)
      hide_tokens(*r->MutableRepeatedMessage(&m, f, i));
  }
}

/// The length of a UUID.
constexpr std::size_t id_length = 36;

bool is_id(const std::string& text, std::size_t at) {
  if (at + id_length > text.size())
    return false;
  for (std::size_t i = 0; i < id_length; ++i) {
    auto c = static_cast<unsigned char>(text[at + i]);
    auto dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? c != '-' : std::isxdigit(c) == 0)
      return false;
  }
  return true;
}

std::string number_ids(const std::string& text) {
  std::map<std::string, std::string> known;
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    if (!is_id(text, i)) {
      out += text[i++];
      continue;
    }
    auto id = text.substr(i, id_length);
    auto name = "<id-" + std::to_string(known.size()) + ">";
    out += known.try_emplace(std::move(id), std::move(name)).first->second;
    i += id_length;
  }
  return out;
}

} // namespace

api::common::v1::Payload payload(const std::string& json) {
  api::common::v1::Payload p;
  (*p.mutable_metadata())["encoding"] = "json/plain";
  p.set_data(json);
  return p;
}

api::common::v1::Payloads payloads(const std::string& json) {
  api::common::v1::Payloads out;
  *out.add_payloads() = payload(json);
  return out;
}

api::failure::v1::Failure application_failure(const std::string& text) {
  api::failure::v1::Failure f;
  f.set_message(text);
  f.mutable_application_failure_info()->set_type("mistake");
  return f;
}

probe::probe(change how) : server_fixture(options()), change_(std::move(how)) {
  REQUIRE(prepared);
}

void probe::send_changed(const std::string& method, const Message& request) {
  method_ = method;
  auto made = send(method, request.SerializeAsString(), poll_options());
  run();
  if (made.answered())
    note(made);
  else
    waiting_.push_back(std::move(made));
}

void probe::note(const made_call& made) {
  const auto& answer = made.answer();
  if (!answer) {
    refused_ = true;
    return see_error(answer.error());
  }
  const auto* pool = DescriptorPool::generated_pool();
  for (const char* service : {"workflowservice", "operatorservice"}) {
    auto name = std::string{"temporal.api."} + service + ".v1." + method_ + "Response";
    const auto* type = pool->FindMessageTypeByName(name);
    if (type == nullptr)
      continue;
    std::unique_ptr<Message> m{MessageFactory::generated_factory()->GetPrototype(type)->New()};
    REQUIRE(m->ParseFromString(*answer));
    return see(*m);
  }
  FAIL("no response of " << method_);
}

void probe::see_error(const error& why) {
  seen_ += "refused: " + std::string{to_string(why.code)} + " " + why.message + "\n";
}

void probe::see(const Message& m) {
  std::unique_ptr<Message> copy{m.New()};
  copy->CopyFrom(m);
  hide_tokens(*copy);
  std::string text;
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  printer.PrintToString(*copy, &text);
  seen_ += m.GetDescriptor()->name() + " " + text + "\n";
}

std::string probe::seen() const {
  return number_ids(seen_);
}

// -- looking on ----------------------------------------------------------------------------------

void probe::take_tasks() {
  constexpr int tasks_max = 4;
  for (int i = 0; i < tasks_max; ++i) {
    auto task = try_task();
    if (!task)
      break;
    see(*task);
    if (task->has_query()) {
      ws::RespondQueryTaskCompletedRequest done;
      done.set_namespace_("default");
      done.set_task_token(task->task_token());
      done.set_completed_type(enums::QUERY_RESULT_TYPE_ANSWERED);
      (void)answer_to(done);
    } else {
      (void)answer_to(completion(task->task_token(), {}));
    }
  }
  for (int i = 0; i < tasks_max; ++i) {
    auto made = send_request(activity_poll(), poll_options());
    run();
    if (!made.answered()) {
      made.handle->cancel();
      run();
      break;
    }
    see(read<ws::PollActivityTaskQueueResponse>(made.answer()));
  }
}

void probe::look_at_runs() {
  auto listed = ok<ws::ListWorkflowExecutionsResponse>(list_request());
  see(listed);
  for (const auto& info : listed.executions()) {
    ws::DescribeWorkflowExecutionRequest describe;
    describe.set_namespace_("default");
    *describe.mutable_execution() = info.execution();
    look<ws::DescribeWorkflowExecutionResponse>(describe);
    auto history = history_request(info.execution().workflow_id());
    *history.mutable_execution() = info.execution();
    look<ws::GetWorkflowExecutionHistoryResponse>(history);
  }
}

void probe::look_at_queues() {
  ws::DescribeTaskQueueRequest r;
  r.set_namespace_("default");
  r.mutable_task_queue()->set_name("queue");
  r.set_report_stats(true);
  r.set_include_task_queue_status(true);
  for (auto kind : {enums::TASK_QUEUE_TYPE_WORKFLOW, enums::TASK_QUEUE_TYPE_ACTIVITY}) {
    r.set_task_queue_type(kind);
    look<ws::DescribeTaskQueueResponse>(r);
  }
}

void probe::look_on() {
  using namespace std::chrono_literals;
  look_at_runs();
  look_at_queues();
  for (duration wait : {duration{0s}, duration{2s}, duration{15s}, duration{3min}, duration{2h}}) {
    advance(wait);
    take_tasks();
    look_at_runs();
  }
  look_at_queues();
  for (const auto& made : waiting_)
    if (made.answered())
      note(made);
}

// -- worlds --------------------------------------------------------------------------------------

ws::PollWorkflowTaskQueueResponse probe::workflow_task(const std::string& id) {
  start_workflow(id);
  return take_workflow_task();
}

std::optional<ws::PollWorkflowTaskQueueResponse> probe::try_task() {
  auto made = send_request(poll_request(), poll_options());
  run();
  if (!made.answered()) {
    made.handle->cancel();
    run();
    return std::nullopt;
  }
  auto task = read<ws::PollWorkflowTaskQueueResponse>(made.answer());
  if (task.task_token().empty())
    return std::nullopt;
  return task;
}

void probe::with_activity(const std::string& id) {
  auto command = activity_command("a");
  auto& a = *command.mutable_schedule_activity_task_command_attributes();
  a.mutable_schedule_to_close_timeout()->set_seconds(100'000);
  a.mutable_start_to_close_timeout()->set_seconds(600);
  a.mutable_heartbeat_timeout()->set_seconds(100);
  a.mutable_retry_policy()->mutable_initial_interval()->set_seconds(10);
  complete_task(workflow_task(id).task_token(), {command});
}

ws::PollActivityTaskQueueResponse probe::activity_task(const std::string& id) {
  with_activity(id);
  return take_activity_task();
}

void probe::close(const std::string& id, const std::vector<api::command::v1::Command>& commands) {
  complete_task(workflow_task(id).task_token(), commands);
}

} // namespace reprise::fields
