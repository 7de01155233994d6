#include "frontend/handlers/handlers.hpp"
#include "frontend/handlers/lists.hpp"
#include "frontend/query/parser.hpp"
#include "frontend/query/values.hpp"
#include "frontend/token/list_token.hpp"
#include "protocol/wire.hpp"
#include "temporal/api/workflowservice/v1/request_response.pb.h"

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;
namespace enums = temporal::api::enums::v1;
using store::filter;

namespace {

std::size_t page_size(int asked, const front_limits& limits) {
  auto most = limits.page_rows_max;
  return static_cast<std::size_t>(asked <= 0 || asked > most ? most : asked);
}

/// Rows lie in the store as they are answered.
std::string list_response(const std::vector<store::visibility_row>& rows, std::size_t page) {
  std::size_t bytes = 64;
  for (const auto& row : rows)
    bytes += row.info.size() + 6;
  std::string out;
  out.reserve(bytes);
  for (const auto& row : rows)
    protocol::append_field(out, 1, row.info);
  // A full page may be the last one; the next is then empty.
  if (!rows.empty() && rows.size() == page) {
    const auto& last = rows.back();
    protocol::append_field(
      out, 2,
      write_list_token(
        {.close_time = last.close_time, .start_time = last.start_time, .key = last.key}));
  }
  return out;
}

} // namespace

error scan_error(error e) {
  return e.code == errc::resource_exhausted ? overloaded(std::move(e.message)) : std::move(e);
}

filter status_is(filter::op what, int status) {
  return {.what = what,
          .attribute = "ExecutionStatus",
          .values = {{.type = store::value_type::integer, .integer = status}}};
}

void list_rows(const call::ptr& c, const call::entry_ptr& ns, machine_kind kind, filter wanted,
               int asked_size, const std::string& token) {
  std::optional<store::list_cursor> behind;
  if (!is_first_page(token)) {
    auto read = read_list_token(token);
    if (!read)
      return c->fail(std::move(read).error());
    behind = *read;
  }
  c->scanning([id = ns->facts.id, kind, wanted = std::move(wanted), behind,
               page = page_size(asked_size, c->limits())](call& over, store::store& db) {
    auto rows = db.list(id, kind, wanted, behind, page);
    if (rows)
      over.answer_bytes(list_response(*rows, page));
    else
      over.fail(scan_error(std::move(rows).error()));
  });
}

namespace {

template <class Request>
void list(const call::ptr& c, Request& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  auto query = parse_query(r.query(), *ns, false);
  if (!query)
    return c->fail(std::move(query).error());
  list_rows(c, ns, machine_kind::workflow, std::move(query->filter), r.page_size(),
            r.next_page_token());
}

temporal::api::common::v1::Payload group_payload(const std::string& attribute,
                                                 const store::search_value& value) {
  temporal::api::common::v1::Payload out;
  auto name = attribute == "ExecutionStatus" && value.texts.empty()
                ? query::status_name(value.integer)
                : (value.texts.empty() ? std::string{} : value.texts.front());
  std::string json = "\"";
  for (char ch : name) {
    if (ch == '"' || ch == '\\')
      json.push_back('\\');
    if (static_cast<unsigned char>(ch) >= 0x20)
      json.push_back(ch);
  }
  json.push_back('"');
  (*out.mutable_metadata())["encoding"] = "json/plain";
  (*out.mutable_metadata())["type"] = "Keyword";
  out.set_data(json);
  return out;
}

void count_groups(call& over, store::store& db, const std::string& namespace_id,
                  const visibility_query& query) {
  auto groups = db.count_by(namespace_id, machine_kind::workflow, query.filter, *query.group_by,
                            query.group_type);
  if (!groups)
    return over.fail(scan_error(std::move(groups).error()));
  api::CountWorkflowExecutionsResponse out;
  for (const auto& group : *groups) {
    auto& shown = *out.add_groups();
    *shown.add_group_values() = group_payload(*query.group_by, group.value);
    shown.set_count(group.count);
    out.set_count(out.count() + group.count);
  }
  over.answer(out);
}

void count(const call::ptr& c, api::CountWorkflowExecutionsRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  auto query = parse_query(r.query(), *ns, true);
  if (!query)
    return c->fail(std::move(query).error());
  c->scanning([id = ns->facts.id, query = std::move(*query)](call& over, store::store& db) {
    if (query.group_by)
      return count_groups(over, db, id, query);
    auto n = db.count(id, machine_kind::workflow, query.filter);
    if (!n)
      return over.fail(scan_error(std::move(n).error()));
    api::CountWorkflowExecutionsResponse out;
    out.set_count(*n);
    over.answer(out);
  });
}

// -- the older list calls
// --------------------------------------------------------------------------

filter equal(const char* attribute, std::string text) {
  return {.what = filter::op::equal,
          .attribute = attribute,
          .values = {{.type = store::value_type::keyword, .texts = {std::move(text)}}}};
}

std::int64_t nanos(const google::protobuf::Timestamp& t) {
  constexpr std::int64_t bound = 9'223'372'035;
  return std::clamp(t.seconds(), -bound, bound) * 1'000'000'000
         + std::clamp(t.nanos(), 0, 999'999'999);
}

/// The time window and the filters that both calls have; nothing when the call has failed.
template <class Request>
std::optional<filter> common_filter(const call::ptr& c, const Request& r, const char* time) {
  filter all{.what = filter::op::both};
  all.children.push_back({.what = filter::op::is_null, .attribute = "TemporalNamespaceDivision"});
  auto bound = [&](filter::op what, std::int64_t at) {
    all.children.push_back({.what = what,
                            .attribute = time,
                            .type = store::value_type::datetime,
                            .values = {{.type = store::value_type::datetime, .integer = at}}});
  };
  const auto& window = r.start_time_filter();
  if (window.has_earliest_time())
    bound(filter::op::greater_equal, nanos(window.earliest_time()));
  if (window.has_latest_time())
    bound(filter::op::less_equal, nanos(window.latest_time()));
  if (window.has_earliest_time() && window.has_latest_time()
      && nanos(window.earliest_time()) > nanos(window.latest_time())) {
    c->fail(
      invalid_argument("EarliestTime in StartTimeFilter should not be larger than LatestTime."));
    return std::nullopt;
  }
  // All runs of the workflow: the API looks at no run id here.
  if (r.has_execution_filter())
    all.children.push_back(equal("WorkflowId", r.execution_filter().workflow_id()));
  if (r.has_type_filter())
    all.children.push_back(equal("WorkflowType", r.type_filter().name()));
  return all;
}

void list_open(const call::ptr& c, api::ListOpenWorkflowExecutionsRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  auto wanted = common_filter(c, r, "StartTime");
  if (!wanted)
    return;
  wanted->children.push_back(
    status_is(filter::op::equal, enums::WORKFLOW_EXECUTION_STATUS_RUNNING));
  list_rows(c, ns, machine_kind::workflow, std::move(*wanted), r.maximum_page_size(),
            r.next_page_token());
}

void list_closed(const call::ptr& c, api::ListClosedWorkflowExecutionsRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  auto wanted = common_filter(c, r, "CloseTime");
  if (!wanted)
    return;
  if (r.has_status_filter()) {
    auto status = r.status_filter().status();
    if (status == enums::WORKFLOW_EXECUTION_STATUS_UNSPECIFIED
        || status == enums::WORKFLOW_EXECUTION_STATUS_RUNNING)
      return c->fail(invalid_argument("StatusFilter must be specified and must be not Running."));
    if (!enums::WorkflowExecutionStatus_IsValid(status))
      return c->fail(
        invalid_argument("invalid query: invalid expression: invalid ExecutionStatus value '"
                         + std::to_string(status) + "'"));
    wanted->children.push_back(status_is(filter::op::equal, status));
  } else {
    wanted->children.push_back(
      status_is(filter::op::not_equal, enums::WORKFLOW_EXECUTION_STATUS_RUNNING));
  }
  list_rows(c, ns, machine_kind::workflow, std::move(*wanted), r.maximum_page_size(),
            r.next_page_token());
}

} // namespace

void add_visibility_handlers(handler_table& table) {
  table["ListWorkflowExecutions"] = parsed(list<api::ListWorkflowExecutionsRequest>);
  table["ScanWorkflowExecutions"] = parsed(list<api::ScanWorkflowExecutionsRequest>);
  table["CountWorkflowExecutions"] = parsed(count);
  table["ListOpenWorkflowExecutions"] = parsed(list_open);
  table["ListClosedWorkflowExecutions"] = parsed(list_closed);
}

} // namespace reprise::frontend
