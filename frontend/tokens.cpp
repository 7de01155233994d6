#include "frontend/tokens.hpp"

#include "base/ids.hpp"
#include "frontend/errors.hpp"

namespace reprise::frontend {

namespace {

bool parse(google::protobuf::Message& token, std::string_view bytes) {
  return token.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))
         && token.GetReflection()->GetUnknownFields(token).empty();
}

} // namespace

result<cluster::TaskToken> parse_task_token(std::string_view bytes) {
  if (bytes.empty())
    return invalid_argument("Task token not set on request.");
  cluster::TaskToken token;
  if (!parse(token, bytes) || token.kind() == cluster::TaskToken::KIND_UNSPECIFIED
      || token.namespace_id().empty() || token.workflow_id().empty() || !is_uuid(token.run_id()))
    return invalid_argument("Error deserializing task token.");
  return token;
}

result<cluster::HistoryToken> parse_history_token(std::string_view bytes, const std::string& run_id,
                                                  bool reverse) {
  auto invalid = invalid_argument("Invalid NextPageToken.");
  cluster::HistoryToken token;
  if (!parse(token, bytes) || !is_uuid(token.run_id()) || token.next_event_id() < 0
      || token.end_event_id() < 0)
    return invalid;
  if (!run_id.empty() && run_id != token.run_id())
    return invalid_argument("RunId in the request does not match the NextPageToken.");
  if (token.reverse() != reverse)
    return invalid;
  return token;
}

} // namespace reprise::frontend
