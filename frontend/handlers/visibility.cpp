#include "frontend/handlers/handlers.hpp"
#include "frontend/handlers/lists.hpp"
#include "frontend/query/parser.hpp"
#include "frontend/query/search_attribute_names.hpp"
#include "frontend/query/values.hpp"
#include "frontend/token/list_token.hpp"
#include "protocol/search_attributes.hpp"
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
std::string list_response(const std::vector<store::visibility_row>& rows,
                          const std::string& token) {
  std::size_t bytes = 64;
  for (const auto& row : rows)
    bytes += row.info.size() + 6;
  std::string out;
  out.reserve(bytes);
  for (const auto& row : rows)
    protocol::append_field(out, 1, row.info);
  if (!token.empty())
    protocol::append_field(out, 2, token);
  return out;
}

/// The place behind a page in the order that lists have by themselves. A walk that begins among
/// open runs remembers which had closed by then.
result<store::list_cursor>
place_behind(store::store& db, const std::string& namespace_id, machine_kind kind,
             const std::optional<store::list_cursor>& before, const store::visibility_row& last) {
  store::list_cursor place{
    .close_time = last.close_time, .start_time = last.start_time, .key = last.key};
  if (before && before->walk_began) {
    place.walk_began = before->walk_began;
    // It closed while the walk was under way, and was met among the open ones.
    if (place.close_time && *place.close_time > *place.walk_began)
      place.close_time.reset();
  } else if (!before && !last.close_time) {
    auto began = db.latest_close(namespace_id, kind);
    if (!began)
      return std::move(began).error();
    place.walk_began = *began;
  }
  return place;
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
    if (!rows)
      return over.fail(scan_error(std::move(rows).error()));
    std::string token;
    // A full page may be the last one; the next is then empty.
    if (!rows->empty() && rows->size() == page) {
      auto place = place_behind(db, id, kind, behind, rows->back());
      if (!place)
        return over.fail(scan_error(std::move(place).error()));
      token = write_list_token(*place);
    }
    over.answer_bytes(list_response(*rows, token));
  });
}

namespace {

/// A list in the order that its query asks for.
void list_sorted(const call::ptr& c, const call::entry_ptr& ns, visibility_query query,
                 const api::ListWorkflowExecutionsRequest& r) {
  auto hash = hash_of_query(ns->facts.id, r.query());
  std::optional<store::sorted_place> behind;
  if (!is_first_page(r.next_page_token())) {
    auto read = read_sorted_token(r.next_page_token(), hash, query.order);
    if (!read)
      return c->fail(std::move(read).error());
    behind = std::move(*read);
  }
  c->scanning([id = ns->facts.id, query = std::move(query), behind = std::move(behind), hash,
               page = page_size(r.page_size(), c->limits())](call& over, store::store& db) {
    auto rows = db.list_sorted(id, machine_kind::workflow, query.filter, query.order, behind, page);
    if (!rows)
      return over.fail(scan_error(std::move(rows).error()));
    std::string token;
    if (!rows->empty() && rows->size() == page)
      token = write_sorted_token(store::sorted_place_of(rows->back(), query.order), hash);
    over.answer_bytes(list_response(*rows, token));
  });
}

void list(const call::ptr& c, api::ListWorkflowExecutionsRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  auto query = parse_list_query(r.query(), *ns);
  if (!query)
    return c->fail(std::move(query).error());
  if (!query->order.empty())
    return list_sorted(c, ns, std::move(*query), r);
  list_rows(c, ns, machine_kind::workflow, std::move(query->filter), r.page_size(),
            r.next_page_token());
}

/// A scan has no order to choose, in the API either.
void scan(const call::ptr& c, api::ScanWorkflowExecutionsRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  auto query = parse_query(r.query(), *ns, false);
  if (!query)
    return c->fail(std::move(query).error());
  list_rows(c, ns, machine_kind::workflow, std::move(query->filter), r.page_size(),
            r.next_page_token());
}

/// The value that a group's runs have, in the attribute's type; null where they have none.
temporal::api::common::v1::Payload group_payload(const visibility_query& query,
                                                 const store::search_value& value) {
  protocol::search_attribute_value shown{
    .texts = value.texts, .integer = value.integer, .real = value.real};
  auto type = query.group_shown_as;
  if (*query.group_by == "ExecutionStatus")
    shown.texts = {query::status_name(value.integer)};
  // Runs of no division have the empty one, as in the API.
  auto is_null = store::is_missing(value) && *query.group_by != "TemporalNamespaceDivision";
  temporal::api::common::v1::Payload out;
  (*out.mutable_metadata())["encoding"] = is_null ? "binary/null" : "json/plain";
  (*out.mutable_metadata())["type"] = type_name(type);
  if (!is_null)
    out.set_data(protocol::search_attribute_json(
      shown,
      type == enums::INDEXED_VALUE_TYPE_KEYWORD_LIST ? enums::INDEXED_VALUE_TYPE_KEYWORD : type));
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
    *shown.add_group_values() = group_payload(query, group.value);
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
  table["ListWorkflowExecutions"] = parsed(list);
  table["ScanWorkflowExecutions"] = parsed(scan);
  table["CountWorkflowExecutions"] = parsed(count);
  table["ListOpenWorkflowExecutions"] = parsed(list_open);
  table["ListClosedWorkflowExecutions"] = parsed(list_closed);
}

} // namespace reprise::frontend
