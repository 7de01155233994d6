// The fold: how each entry of a journal changes a run's state. Total and pure; running and
// replaying share every line. What decides stands elsewhere; here nothing can be refused.
//
// A buffered event takes effect when it arrives and again when it is flushed under its id, so the
// effects of what may be buffered are idempotent. (Signals are counted at the flush only.)

#include "engine/machine/evolve.hpp"

#include "engine/machine/external_payloads.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/machine/transition.hpp"
#include "protocol/parse_stored.hpp"
#include "protocol/search_attributes.hpp"

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <vector>

namespace reprise::engine {

namespace {

namespace enums = api::enums::v1;

/// Written by a version that had other rules for some events: it gave them no task id. What such an
/// event did to its run it does for good.
bool is_of_former(const history_event& event) {
  return event.event_id() != 0 && event.task_id() == 0;
}

bool is_upgraded(const execution& x) {
  const auto& override = x.versioning_override();
  return override.auto_upgrade() || override.behavior() == enums::VERSIONING_BEHAVIOR_AUTO_UPGRADE;
}

/// A run whose versioning somebody has overridden is found by that.
void list_versioning(execution& x) {
  constexpr const char* name = "TemporalWorkflowVersioningBehavior";
  if (!is_upgraded(x)) {
    x.mutable_search_attributes()->erase(name);
    return;
  }
  auto& payload = (*x.mutable_search_attributes())[name];
  payload.Clear();
  (*payload.mutable_metadata())["encoding"] = "json/plain";
  (*payload.mutable_metadata())["type"] = "Keyword";
  payload.set_data("\"AutoUpgrade\"");
}

void evolve_started(execution& x, const history_event& event) {
  const auto& a = event.workflow_execution_started_event_attributes();
  *x.mutable_started() = a;
  x.set_status(enums::WORKFLOW_EXECUTION_STATUS_RUNNING);
  *x.mutable_memo() = a.memo().fields();
  *x.mutable_search_attributes() = a.search_attributes().indexed_fields();
  if (a.has_versioning_override())
    *x.mutable_versioning_override() = a.versioning_override();
  if (!is_of_former(event))
    list_versioning(x);
  if (a.has_priority())
    *x.mutable_priority() = a.priority();
  *x.mutable_completion_callbacks() = a.completion_callbacks();
  *x.mutable_reset_points() = a.prev_auto_reset_points().points();
  auto begin = x.created().has_start_time() ? x.created().start_time() : event.event_time();
  *x.mutable_execution_time()
    = to_proto(from_proto(begin) + from_proto(a.first_workflow_task_backoff()));
  if (!x.created().start_request_id().empty()) {
    auto& request = (*x.mutable_request_ids())[x.created().start_request_id()];
    request.set_id(x.created().start_request_id());
    request.set_event_id(event.event_id());
    request.set_event_type(event.event_type());
    *request.mutable_time() = event.event_time();
  }
}

void evolve_task_scheduled(execution& x, const history_event& event) {
  const auto& a = event.workflow_task_scheduled_event_attributes();
  // Whatever held the first task back is over.
  x.mutable_created()->clear_first_task_at();
  auto& task = *x.mutable_workflow_task();
  task.Clear();
  task.set_scheduled_event_id(event.event_id());
  task.set_attempt(a.attempt());
  *task.mutable_scheduled_time() = event.event_time();
  *task.mutable_original_scheduled_time() = event.event_time();
  *task.mutable_start_to_close_timeout() = a.start_to_close_timeout();
  *task.mutable_task_queue() = a.task_queue();
  if (a.task_queue().kind() == enums::TASK_QUEUE_KIND_STICKY)
    *task.mutable_schedule_to_start_timeout() = x.sticky().schedule_to_start_timeout();
}

void evolve_task_started(execution& x, const history_event& event) {
  const auto& a = event.workflow_task_started_event_attributes();
  auto& task = *x.mutable_workflow_task();
  task.set_started_event_id(event.event_id());
  *task.mutable_started_time() = event.event_time();
  task.set_identity(a.identity());
  task.set_request_id(a.request_id());
  task.set_start_id(start_id_of(a.request_id()));
  task.set_suggest_continue_as_new(a.suggest_continue_as_new());
  task.set_history_size_bytes(a.history_size_bytes());
  if (a.has_worker_version())
    *task.mutable_worker_version() = a.worker_version();
}

/// The first task of each build is a point to which the run can be reset. What tells builds apart
/// is the checksum of old workers and the build id of newer ones; the oldest point gives way.
bool add_reset_point(execution& x, const history_event& event) {
  const auto& a = event.workflow_task_completed_event_attributes();
  const auto& build = a.worker_version().build_id();
  auto& points = *x.mutable_reset_points();
  for (const auto& point : points)
    if (point.build_id() == build && point.binary_checksum() == a.binary_checksum())
      return false;
  constexpr int points_max = 20;
  if (points.size() >= points_max)
    points.DeleteSubrange(0, points.size() - points_max + 1);
  auto& point = *points.Add();
  point.set_binary_checksum(a.binary_checksum());
  point.set_build_id(build);
  point.set_run_id(x.created().run_id());
  point.set_first_workflow_task_completed_id(event.event_id());
  *point.mutable_create_time() = event.event_time();
  point.set_resettable(true);
  return true;
}

/// A search attribute of the server's own: a list of keywords.
void set_keywords(execution& x, const std::string& name, const std::vector<std::string>& words) {
  auto& payload = (*x.mutable_search_attributes())[name];
  payload.Clear();
  (*payload.mutable_metadata())["encoding"] = "json/plain";
  (*payload.mutable_metadata())["type"] = "KeywordList";
  std::string data = "[";
  for (const auto& word : words) {
    data += data.size() > 1 ? ",\"" : "\"";
    for (char c : word) {
      if (c == '"' || c == '\\')
        data += '\\';
      if (static_cast<unsigned char>(c) >= 0x20)
        data += c;
    }
    data += '"';
  }
  payload.set_data(data + "]");
}

std::vector<std::string> keywords_of(const execution& x, const std::string& name) {
  auto i = x.search_attributes().find(name);
  if (i == x.search_attributes().end())
    return {};
  auto value = protocol::decode_search_attribute(i->second, enums::INDEXED_VALUE_TYPE_KEYWORD_LIST);
  return value && *value ? std::move((*value)->texts) : std::vector<std::string>{};
}

constexpr const char* unversioned = "unversioned";

/// Without decoding: no for a word that is spelled in another way.
bool is_listed(const execution& x, const std::string& name, const std::string& word) {
  auto i = x.search_attributes().find(name);
  return i != x.search_attributes().end()
         && i->second.data().find('"' + word + '"') != std::string::npos;
}

/// A run without any versioning says so, before the builds that have worked on it.
void list_unversioned(execution& x) {
  constexpr const char* name = "BuildIds";
  auto builds = keywords_of(x, name);
  std::erase(builds, unversioned);
  if (!is_upgraded(x))
    builds.insert(builds.begin(), unversioned);
  if (builds.empty())
    x.mutable_search_attributes()->erase(name);
  else
    set_keywords(x, name, builds);
}

/// Adds the build to those that have worked on the run; the oldest give way when they are too many.
void add_build(std::vector<std::string>& builds, const api::common::v1::WorkerVersionStamp& stamp,
               bool is_versioned) {
  constexpr std::size_t bytes_max = 1900;
  auto add = [&](std::string build) {
    if (std::ranges::find(builds, build) == builds.end())
      builds.push_back(std::move(build));
  };
  if (stamp.use_versioning()) {
    std::erase(builds, unversioned);
    add("versioned:" + stamp.build_id());
  } else {
    if (!is_versioned && std::ranges::find(builds, unversioned) == builds.end())
      builds.insert(builds.begin(), unversioned);
    if (!stamp.build_id().empty())
      add(std::string{unversioned} + ":" + stamp.build_id());
  }
  auto bytes = [&] {
    std::size_t sum = 0;
    for (const auto& build : builds)
      sum += build.size() + 3;
    return sum;
  };
  while (builds.size() > 2 && bytes() > bytes_max)
    builds.erase(builds.begin() + (builds.front() == unversioned ? 1 : 0));
}

/// Which builds have worked on the run: by name, and those of its reset points, if it got one.
void list_builds(execution& x, const history_event& event, bool has_new_point) {
  constexpr const char* name = "BuildIds";
  const auto& a = event.workflow_task_completed_event_attributes();
  const auto& stamp = a.worker_version();
  // Nearly every task is completed by the build that completed the one before it.
  auto marked = is_listed(x, name, unversioned) || stamp.use_versioning() || is_upgraded(x);
  auto known = !stamp.use_versioning() && marked
               && is_listed(x, name, std::string{unversioned} + ":" + stamp.build_id());
  // Somebody else may have set the list meanwhile.
  auto lacks_mark = !marked && !is_of_former(event);
  if (!x.search_attributes().contains(name) || lacks_mark
      || (!stamp.build_id().empty() && !known)) {
    auto builds = keywords_of(x, name);
    add_build(builds, stamp, is_upgraded(x) && !is_of_former(event));
    if (!builds.empty())
      set_keywords(x, name, builds);
  }
  if (a.binary_checksum().empty() || !has_new_point)
    return;
  std::vector<std::string> checksums;
  for (const auto& point : x.reset_points())
    if (!point.binary_checksum().empty())
      checksums.push_back(point.binary_checksum());
  set_keywords(x, "BinaryChecksums", checksums);
}

/// Workflow tasks that keep failing show in lists, until one completes.
void report_problems(execution& x) {
  constexpr int problems_reported = 5;
  constexpr const char* name = "TemporalReportedProblems";
  const auto& header = x.header();
  if (header.workflow_task_problems() >= problems_reported)
    set_keywords(
      x, name,
      {"category=" + header.last_problem_category(), "cause=" + header.last_problem_cause()});
  else
    x.mutable_search_attributes()->erase(name);
}

} // namespace

/// Workflows with paused activities are found by the types of these.
void report_pauses(execution& x) {
  constexpr const char* name = "TemporalPauseInfo";
  std::set<std::string> types;
  for (const auto& [id, activity] : x.activities())
    if (activity.progress().paused())
      types.insert("property:activityType=" + activity.scheduled().activity_type().name());
  if (types.empty())
    x.mutable_search_attributes()->erase(name);
  else
    set_keywords(x, name, {types.begin(), types.end()});
}

namespace {

void evolve_task_completed(execution& x, const history_event& event) {
  const auto& a = event.workflow_task_completed_event_attributes();
  x.set_previous_started_event_id(a.started_event_id());
  x.set_last_completed_event_id(event.event_id());
  if (a.has_worker_version())
    *x.mutable_last_worker_version() = a.worker_version();
  x.clear_workflow_task();
  auto has_new_point = add_reset_point(x, event);
  list_builds(x, event, has_new_point || is_of_former(event));
}

const std::string& next_run_of(const history_event& close) {
  switch (close.event_type()) {
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
      return close.workflow_execution_completed_event_attributes().new_execution_run_id();
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
      return close.workflow_execution_failed_event_attributes().new_execution_run_id();
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
      return close.workflow_execution_timed_out_event_attributes().new_execution_run_id();
    default:
      return close.workflow_execution_continued_as_new_event_attributes().new_execution_run_id();
  }
}

/// Those of this run can be reset to as long as it is kept, and the next run says so, too.
void expire_points(execution& x, time_point at) {
  for (auto& point : *x.mutable_reset_points())
    if (point.run_id() == x.created().run_id())
      *point.mutable_expire_time() = to_proto(at);
}

void evolve_close(execution& x, const history_event& event, enums::WorkflowExecutionStatus status) {
  x.set_status(status);
  *x.mutable_close_time() = event.event_time();
  *x.mutable_close_event() = event;
  // Describe still tells of a task that nobody took, as of all else that was pending.
  if (x.workflow_task().started_event_id() != 0)
    x.clear_workflow_task();
  x.clear_buffered_events();
  x.clear_sticky();
  if (!next_run_of(event).empty() && !is_of_former(event))
    expire_points(x, from_proto(event.event_time()) + from_proto(x.created().retention()));
}

/// A request whose event was buffered learns the event's id when that is flushed.
void place_request(execution& x, const history_event& event) {
  const auto& id = attached_request_id(event);
  if (id.empty())
    return;
  auto i = x.mutable_request_ids()->find(id);
  if (i != x.mutable_request_ids()->end())
    i->second.set_event_id(event.event_id());
}

void evolve_signaled(execution& x, const history_event& event) {
  if (event.event_id() == 0)
    return;
  x.set_signal_count(x.signal_count() + 1);
  // Of a request that started the run and signaled it describe names the signal's event.
  auto i = x.mutable_request_ids()->find(
    event.workflow_execution_signaled_event_attributes().request_id());
  if (i != x.mutable_request_ids()->end())
    i->second.set_event_id(event.event_id());
}

void evolve_options_updated(execution& x, const history_event& event) {
  const auto& a = event.workflow_execution_options_updated_event_attributes();
  auto was_upgraded = is_upgraded(x);
  // An override that was removed stays as an empty one: describe goes on to show that there was
  // one.
  if (a.unset_versioning_override() && (x.has_versioning_override() || is_of_former(event)))
    x.mutable_versioning_override()->Clear();
  else if (a.has_versioning_override())
    *x.mutable_versioning_override() = a.versioning_override();
  if (was_upgraded != is_upgraded(x) && !is_of_former(event)) {
    list_versioning(x);
    list_unversioned(x);
  }
  if (a.has_priority())
    *x.mutable_priority() = a.priority();
  if (event.event_id() == 0)
    return;
  for (const auto& callback : a.attached_completion_callbacks())
    *x.add_completion_callbacks() = callback;
  place_request(x, event);
}

bool is_null(const api::common::v1::Payload& payload) {
  if (payload.data().empty() && payload.metadata().empty())
    return true;
  auto encoding = payload.metadata().find("encoding");
  if (encoding == payload.metadata().end())
    return false;
  return encoding->second == "binary/null"
         || (encoding->second == "json/plain"
             && (payload.data() == "null" || payload.data() == "[]"));
}

/// An attribute or memo field without a value is removed.
template <class Map>
void merge_fields(Map& into, const Map& fields, bool list_is_value = false) {
  for (const auto& [name, payload] : fields) {
    if (is_null(payload) && !(list_is_value && payload.data() == "[]"))
      into.erase(name);
    else
      into[name] = payload;
  }
}

/// The parts that others own, or that change little.
void apply_other(execution& x, const history_event& event) {
  switch (event.event_type()) {
    case enums::EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
    case enums::EVENT_TYPE_ACTIVITY_TASK_STARTED:
    case enums::EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
    case enums::EVENT_TYPE_ACTIVITY_TASK_FAILED:
    case enums::EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
    case enums::EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED:
    case enums::EVENT_TYPE_ACTIVITY_TASK_CANCELED:
      return evolve_activity(x, event);
    case enums::EVENT_TYPE_TIMER_STARTED:
    case enums::EVENT_TYPE_TIMER_FIRED:
    case enums::EVENT_TYPE_TIMER_CANCELED:
      return evolve_timer(x, event);
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
      return evolve_signaled(x, event);
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
      return x.set_cancel_requested(true);
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED:
      return evolve_options_updated(x, event);
    case enums::EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
      return merge_fields(*x.mutable_search_attributes(),
                          event.upsert_workflow_search_attributes_event_attributes()
                            .search_attributes()
                            .indexed_fields());
    case enums::EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED:
      // To former versions an empty list was a memo's value like another.
      return merge_fields(
        *x.mutable_memo(),
        event.workflow_properties_modified_event_attributes().upserted_memo().fields(),
        is_of_former(event));
    default:
      return;
  }
}

void apply(execution& x, const history_event& event) {
  switch (event.event_type()) {
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
      return evolve_started(x, event);
    case enums::EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
      return evolve_task_scheduled(x, event);
    case enums::EVENT_TYPE_WORKFLOW_TASK_STARTED:
      return evolve_task_started(x, event);
    case enums::EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
      return evolve_task_completed(x, event);
    case enums::EVENT_TYPE_WORKFLOW_TASK_FAILED:
    case enums::EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
      return x.clear_workflow_task();
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
      return evolve_close(x, event, enums::WORKFLOW_EXECUTION_STATUS_COMPLETED);
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
      return evolve_close(x, event, enums::WORKFLOW_EXECUTION_STATUS_FAILED);
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
      return evolve_close(x, event, enums::WORKFLOW_EXECUTION_STATUS_TIMED_OUT);
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
      return evolve_close(x, event, enums::WORKFLOW_EXECUTION_STATUS_CANCELED);
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
      return evolve_close(x, event, enums::WORKFLOW_EXECUTION_STATUS_TERMINATED);
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
      return evolve_close(x, event, enums::WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW);
    default:
      return apply_other(x, event);
  }
}

void drop_buffered(execution& x, const journal::DroppedEvents& dropped) {
  auto& buffer = *x.mutable_buffered_events();
  std::vector<int> positions(dropped.positions().begin(), dropped.positions().end());
  std::sort(positions.rbegin(), positions.rend());
  if (static_cast<int>(positions.size()) >= buffer.size()) {
    buffer.Clear();
    return;
  }
  for (auto position : positions)
    if (position >= 0 && position < buffer.size())
      buffer.DeleteSubrange(position, 1);
}

/// Attached request ids are bounded: the oldest one gives way. The start's own id stays.
void drop_oldest_request(execution& x) {
  constexpr int attached_max = 25;
  int attached = 0;
  const journal::RequestId* oldest = nullptr;
  auto key = [](const journal::RequestId& r) {
    return std::tuple{r.time().seconds(), r.time().nanos(), r.id()};
  };
  for (const auto& [id, other] : x.request_ids()) {
    if (id == x.created().start_request_id())
      continue;
    ++attached;
    if (oldest == nullptr || key(other) < key(*oldest))
      oldest = &other;
  }
  if (attached >= attached_max)
    x.mutable_request_ids()->erase(std::string{oldest->id()});
}

void add_request_id(execution& x, const journal::RequestId& request) {
  if (request.event_type() == enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED) {
    (*x.mutable_signal_ids())[request.id()] = true;
    return;
  }
  if (!x.request_ids().contains(request.id()))
    drop_oldest_request(x);
  (*x.mutable_request_ids())[request.id()] = request;
}

/// Reads the elements (field 1) of a serialised History one by one.
class event_reader {
public:
  explicit event_reader(const std::string& bytes)
    : in_(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size())) {
    in_.SetRecursionLimit(protocol::stored_nesting_max);
  }

  /// False at the end, and when the bytes are broken: then ok() is false too.
  bool next(history_event& event, std::size_t& bytes) {
    constexpr std::uint32_t element_tag = 0x0A;
    auto tag = in_.ReadTag();
    if (tag == 0) {
      ok_ = in_.ConsumedEntireMessage();
      return false;
    }
    std::uint32_t size = 0;
    if (tag != element_tag || !in_.ReadVarint32(&size) || size > (1U << 30)) {
      ok_ = false;
      return false;
    }
    auto limit = in_.PushLimit(static_cast<int>(size));
    event.Clear();
    ok_ = event.MergeFromCodedStream(&in_) && in_.BytesUntilLimit() == 0;
    in_.PopLimit(limit);
    bytes = size;
    return ok_;
  }

  bool ok() const {
    return ok_;
  }

private:
  google::protobuf::io::CodedInputStream in_;
  bool ok_ = true;
};

} // namespace

bool is_no_value(const api::common::v1::Payload& payload) {
  return is_null(payload);
}

void evolve_sized(execution& x, const history_event& event, std::size_t bytes) {
  x.set_next_event_id(event.event_id() + 1);
  x.set_history_size_bytes(x.history_size_bytes() + static_cast<std::int64_t>(bytes));
  if (from_proto(x.last_event_time()) < from_proto(event.event_time()))
    *x.mutable_last_event_time() = event.event_time();
  if (auto outside = external_payloads_of(event); outside.count > 0) {
    x.set_external_payload_count(x.external_payload_count() + outside.count);
    x.set_external_payload_size_bytes(add_sizes(x.external_payload_size_bytes(), outside.bytes));
  }
  apply(x, event);
}

void evolve_transition_end(execution& x) {
  x.set_state_transition_count(x.state_transition_count() + 1);
}

std::uint64_t start_id_of(const std::string& start_request_id) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (unsigned char c : start_request_id)
    hash = (hash ^ c) * 0x100000001b3ULL;
  return hash == 0 ? 1 : hash;
}

const std::string& attached_request_id(const history_event& event) {
  return event.workflow_execution_options_updated_event_attributes().attached_request_id();
}

void evolve(execution& x, const history_event& event) {
  evolve_sized(x, event, event.ByteSizeLong());
}

void evolve(execution& x, const journal::Fact& fact) {
  switch (fact.fact_case()) {
    case journal::Fact::kWorkflowTask:
      if (fact.workflow_task().scheduled_event_id() == 0)
        x.clear_workflow_task();
      else
        *x.mutable_workflow_task() = fact.workflow_task();
      return;
    case journal::Fact::kActivity:
      return evolve_activity(x, fact.activity());
    case journal::Fact::kBufferedEvent:
      *x.add_buffered_events() = fact.buffered_event();
      return apply(x, fact.buffered_event());
    case journal::Fact::kDroppedEvents:
      return drop_buffered(x, fact.dropped_events());
    case journal::Fact::kRequestId:
      return add_request_id(x, fact.request_id());
    case journal::Fact::kSticky:
      if (fact.sticky().task_queue().name().empty())
        x.clear_sticky();
      else
        *x.mutable_sticky() = fact.sticky();
      return;
    case journal::Fact::kHeader:
      *x.mutable_header() = fact.header();
      return report_problems(x);
    case journal::Fact::kCreated:
      *x.mutable_created() = fact.created();
      if (x.next_event_id() == 0)
        x.set_next_event_id(1);
      return;
    case journal::Fact::kTransitionEnd:
      return evolve_transition_end(x);
    case journal::Fact::kPublicEvents:
    case journal::Fact::FACT_NOT_SET:
      return;
  }
}

namespace {

/// The next event of a row, folded. False at the row's end, and when it is not the run's next.
bool evolve_next(execution& x, event_reader& reader, history_event& event, bool& in_order) {
  std::size_t bytes = 0;
  if (!reader.next(event, bytes))
    return false;
  in_order = event.event_id() == std::max<std::int64_t>(x.next_event_id(), 1);
  if (in_order)
    evolve_sized(x, event, bytes);
  return in_order;
}

} // namespace

bool evolve(execution& x, const record& row) {
  journal::Facts facts;
  if (!protocol::parse_stored(facts, row.facts))
    return false;
  event_reader reader{row.events};
  history_event event;
  bool in_order = true;
  for (const auto& fact : facts.facts()) {
    if (fact.fact_case() != journal::Fact::kPublicEvents) {
      evolve(x, fact);
      continue;
    }
    for (auto left = fact.public_events(); left > 0; --left)
      if (!evolve_next(x, reader, event, in_order))
        return false;
  }
  while (evolve_next(x, reader, event, in_order)) {
  }
  if (!row.empty())
    evolve_transition_end(x);
  return in_order && reader.ok();
}

bool is_open(const execution& x) {
  return x.status() == enums::WORKFLOW_EXECUTION_STATUS_RUNNING
         || x.status() == enums::WORKFLOW_EXECUTION_STATUS_PAUSED;
}

} // namespace reprise::engine
