// Any bytes as a task token, a page token, a time, a client's version: read or refused, and what is
// read has the shape that the rest of the server relies on.
#include "frontend/token/tokens.hpp"

#include "base/ids.hpp"
#include "frontend/call/client_version.hpp"
#include "frontend/token/list_token.hpp"
#include "frontend/validate/search_attributes.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace reprise;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = fuzz::bytes_of(data, size);
  if (auto token = frontend::parse_task_token(bytes, cluster::TaskToken::WORKFLOW)) {
    const auto& task = token->task;
    fuzz::require(task.kind() != cluster::TaskToken::KIND_UNSPECIFIED, "a token has a kind");
    fuzz::require(token->is_foreign || (!task.workflow_id().empty() && is_uuid(task.run_id())),
                  "it names a run");
  } else {
    fuzz::require(token.error().code == errc::invalid_argument, "a refusal is the caller's");
  }
  for (bool reverse : {false, true})
    if (auto token = frontend::parse_history_token(bytes, {}, reverse))
      fuzz::require(token->next_event_id() >= 0 && token->reverse() == reverse,
                    "a page has a place");
  auto is_ours = bytes.starts_with('o') || bytes.starts_with('c') || bytes.starts_with('w');
  if (auto place = frontend::read_list_token(bytes); place && is_ours)
    fuzz::require(frontend::write_list_token(*place) == bytes, "a place is written as it was read");
  const std::vector<store::sort_key> order{
    {.attribute = "City"}, {.attribute = "Weight", .type = store::value_type::real}};
  if (auto place = frontend::read_sorted_token(bytes, 0, order))
    fuzz::require(frontend::write_sorted_token(*place, 0) == bytes,
                  "a sorted place is written as it was read");
  frontend::parse_rfc3339(bytes);
  auto half = bytes.substr(0, size / 2);
  auto fits = frontend::check_client_version(
    {{"client-name", "temporal-go"},
     {"client-version", std::string{half}},
     {"supported-server-versions", std::string{bytes.substr(half.size())}}},
    "1.26.2");
  fuzz::require(fits || !fits.error().message.empty(), "a refusal says why");
  return 0;
}
