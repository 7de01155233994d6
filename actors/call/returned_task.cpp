#include "actors/call/returned_task.hpp"

#include "protocol/wire.hpp"
#include "temporal/api/workflowservice/v1/request_response.pb.h"

#include <cstdint>

namespace reprise::actors {

namespace {

using protocol::take_varint;
namespace service = temporal::api::workflowservice::v1;

constexpr int token_field = service::PollWorkflowTaskQueueResponse::kTaskTokenFieldNumber;
// Both kinds of tasks begin with it: a message is written in the order of its fields' numbers.
static_assert(token_field == 1);
static_assert(token_field == service::PollActivityTaskQueueResponse::kTaskTokenFieldNumber);

struct field {
  std::uint64_t number = 0;
  /// Of a text or a message; else empty.
  std::string_view bytes{};
};

/// Cuts a field off the front; nothing at the end, and where no field begins.
std::optional<field> take_field(std::string_view& message) {
  constexpr std::uint64_t with_length = 2;
  constexpr std::uint64_t number = 0;
  auto tag = take_varint(message);
  auto value = tag ? take_varint(message) : std::nullopt;
  auto type = tag ? *tag & 7 : 0;
  if (!value || (type != with_length && type != number))
    return std::nullopt;
  field out{.number = *tag >> 3};
  if (type == number)
    return out;
  if (*value > message.size())
    return std::nullopt;
  out.bytes = message.substr(0, *value);
  message.remove_prefix(*value);
  return out;
}

void add_token(std::vector<std::string_view>& out, std::string_view task) {
  auto first = take_field(task);
  if (first && first->number == token_field && !first->bytes.empty())
    out.push_back(first->bytes);
}

bool holds_task(std::uint64_t number, task_place where) {
  using completion = service::RespondWorkflowTaskCompletedResponse;
  if (where == cluster::Reply::START)
    return number == service::StartWorkflowExecutionResponse::kEagerWorkflowTaskFieldNumber;
  return number == completion::kWorkflowTaskFieldNumber
         || number == completion::kActivityTasksFieldNumber;
}

} // namespace

std::vector<std::string_view> task_tokens_of(std::string_view response, task_place where) {
  std::vector<std::string_view> out;
  if (where == cluster::Reply::POLL)
    add_token(out, response);
  if (where == cluster::Reply::COMPLETION || where == cluster::Reply::START)
    while (auto f = take_field(response))
      if (holds_task(f->number, where))
        add_token(out, f->bytes);
  return out;
}

std::optional<cluster::ExecutionRequest> take_back_request(std::string_view token) {
  cluster::ExecutionRequest out;
  auto& known = *out.mutable_token();
  if (!known.ParseFromArray(token.data(), static_cast<int>(token.size()))
      || known.workflow_id().empty())
    return std::nullopt;
  out.set_namespace_id(known.namespace_id());
  out.set_machine(known.machine());
  out.set_workflow_id(known.workflow_id());
  out.set_run_id(known.run_id());
  out.mutable_take_back();
  return out;
}

} // namespace reprise::actors
