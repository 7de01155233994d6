#include "frontend/token/tokens.hpp"

#include "base/ids.hpp"
#include "frontend/call/errors.hpp"

#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <optional>

namespace reprise::frontend {

namespace {

bool parse(google::protobuf::Message& token, std::string_view bytes) {
  return token.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))
         && token.GetReflection()->GetUnknownFields(token).empty();
}

/// Ids are written into answers.
bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

/// A token of the API's form; nothing when it is none.
std::optional<cluster::TaskToken> read_foreign(std::string_view bytes) {
  enum fields : int {
    namespace_id = 1,
    workflow_id = 2,
    run_id = 3,
    scheduled_event_id = 4,
    activity_id = 6,
  };

  google::protobuf::UnknownFieldSet all;
  if (!all.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return std::nullopt;
  cluster::TaskToken out;
  // No event has this number.
  out.set_scheduled_event_id(-1);
  std::string activity;
  bool scheduled = false;
  for (int i = 0; i < all.field_count(); ++i) {
    const auto& field = all.field(i);
    auto is_text = field.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED;
    // Ours begin with a number there.
    if (field.number() == namespace_id && !is_text)
      return std::nullopt;
    scheduled = scheduled || field.number() == scheduled_event_id;
    if (!is_text)
      continue;
    const auto& text = field.length_delimited();
    if (field.number() <= run_id && !is_printable(text))
      return std::nullopt;
    if (field.number() == namespace_id)
      out.set_namespace_id(text);
    else if (field.number() == workflow_id)
      out.set_workflow_id(text);
    else if (field.number() == run_id)
      out.set_run_id(text);
    else if (field.number() == activity_id && is_printable(text))
      activity = text;
  }
  if (!scheduled && !activity.empty()) {
    out.set_activity_id(activity);
    out.set_scheduled_event_id(0);
  }
  return out;
}

bool is_whole(const cluster::TaskToken& token) {
  return token.kind() != cluster::TaskToken::KIND_UNSPECIFIED && !token.namespace_id().empty()
         && !token.workflow_id().empty() && is_uuid(token.run_id());
}

} // namespace

result<task_token> parse_task_token(std::string_view bytes, cluster::TaskToken::Kind asked) {
  if (bytes.empty())
    return invalid_argument("Task token not set on request.");
  task_token out;
  if (parse(out.task, bytes) && is_whole(out.task))
    return out;
  auto foreign = read_foreign(bytes);
  if (!foreign)
    return invalid_argument("Error deserializing task token.");
  out.task = std::move(*foreign);
  out.task.set_kind(asked);
  out.is_foreign = true;
  return out;
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
