#include "actors/returned_task.hpp"

#include "temporal/api/workflowservice/v1/request_response.pb.h"

#include <google/protobuf/io/coded_stream.h>

#include <cstdint>

namespace reprise::actors {

namespace {

namespace service = temporal::api::workflowservice::v1;

// Both answers begin with it: a message is written in the order of its fields' numbers.
static_assert(static_cast<int>(service::PollWorkflowTaskQueueResponse::kTaskTokenFieldNumber) == 1);
static_assert(static_cast<int>(service::PollActivityTaskQueueResponse::kTaskTokenFieldNumber) == 1);
constexpr std::uint32_t token_tag = 0x0A;

} // namespace

std::string_view task_token_of(std::string_view response) {
  google::protobuf::io::CodedInputStream in{reinterpret_cast<const std::uint8_t*>(response.data()),
                                            static_cast<int>(response.size())};
  std::uint32_t size = 0;
  if (in.ReadTag() != token_tag || !in.ReadVarint32(&size))
    return {};
  auto begin = static_cast<std::size_t>(in.CurrentPosition());
  return size > response.size() - begin ? std::string_view{} : response.substr(begin, size);
}

std::optional<cluster::ExecutionRequest> take_back_request(std::string_view token) {
  cluster::ExecutionRequest out;
  auto& known = *out.mutable_token();
  if (!known.ParseFromArray(token.data(), static_cast<int>(token.size()))
      || known.workflow_id().empty())
    return std::nullopt;
  out.set_namespace_id(known.namespace_id());
  out.set_workflow_id(known.workflow_id());
  out.set_run_id(known.run_id());
  out.mutable_take_back();
  return out;
}

} // namespace reprise::actors
