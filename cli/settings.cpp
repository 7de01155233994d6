#include "cli/settings.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

namespace reprise::cli {

namespace {

error refused(std::string text) {
  return make_error(errc::invalid_argument, std::move(text));
}

std::optional<std::pair<std::string, std::string>> split(const std::string& text) {
  auto at = text.find('=');
  if (at == std::string::npos || at == 0)
    return std::nullopt;
  return std::pair{text.substr(0, at), text.substr(at + 1)};
}

/// A JSON text without its quotes; numbers as they stand.
std::string_view unquoted(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    return value.substr(1, value.size() - 2);
  return value;
}

std::optional<std::int64_t> parse_count(std::string_view value) {
  std::int64_t n = 0;
  value = unquoted(value);
  auto end = value.data() + value.size();
  auto parsed = std::from_chars(value.data(), end, n);
  if (parsed.ec != std::errc{} || parsed.ptr != end || n < 0)
    return std::nullopt;
  return n;
}

std::optional<double> parse_number(std::string_view value) {
  double n = 0;
  value = unquoted(value);
  auto end = value.data() + value.size();
  auto parsed = std::from_chars(value.data(), end, n);
  if (parsed.ec != std::errc{} || parsed.ptr != end || !(n >= 0) || n > 1e9)
    return std::nullopt;
  return n;
}

/// "1.5s", "10m", "1d12h", and a number alone, which is of seconds: the form of durations in the
/// reference's settings.
std::optional<duration> parse_duration(std::string_view value) {
  static const std::map<std::string_view, double> units{
    {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86'400e9}};
  // About a century: whatever is added to a moment of now is still a moment.
  constexpr double longest = 3.2e18;
  value = unquoted(value);
  if (auto seconds = parse_number(value))
    return duration{static_cast<std::int64_t>(*seconds * 1e9)};
  double total = 0;
  if (value.empty())
    return std::nullopt;
  while (!value.empty()) {
    double n = 0;
    auto parsed = std::from_chars(value.data(), value.data() + value.size(), n);
    if (parsed.ec != std::errc{} || !(n >= 0))
      return std::nullopt;
    value.remove_prefix(static_cast<std::size_t>(parsed.ptr - value.data()));
    auto unit = value.substr(0, value.find_first_of("0123456789."));
    auto known = units.find(unit);
    if (known == units.end())
      return std::nullopt;
    total += n * known->second;
    value.remove_prefix(unit.size());
  }
  if (total > longest)
    return std::nullopt;
  return duration{static_cast<std::int64_t>(total)};
}

using setter = std::function<bool(configured_limits&, std::string_view)>;

template <class T>
setter count_into(T engine::limits::* member) {
  return [member](configured_limits& bounds, std::string_view value) {
    auto n = parse_count(value);
    if (n)
      bounds.engine.*member = static_cast<T>(*n);
    return n.has_value();
  };
}

template <class Limits>
setter duration_into(Limits configured_limits::* part, duration Limits::* member) {
  return [part, member](configured_limits& bounds, std::string_view value) {
    auto d = parse_duration(value);
    if (d)
      bounds.*part.*member = *d;
    return d.has_value();
  };
}

template <class T>
setter count_into(T frontend::front_limits::* member) {
  return [member](configured_limits& bounds, std::string_view value) {
    auto n = parse_count(value);
    if (!n || *n > std::numeric_limits<int>::max())
      return false;
    bounds.front.*member = static_cast<T>(*n);
    return true;
  };
}

/// The same of what may not be nothing.
template <class T>
setter page_into(T frontend::front_limits::* member) {
  return [set = count_into(member)](configured_limits& bounds, std::string_view value) {
    return parse_count(value) != 0 && set(bounds, value);
  };
}

bool set_history_page(configured_limits& bounds, std::string_view value) {
  auto n = parse_count(value);
  if (!n || *n == 0)
    return false;
  bounds.engine.history_page_max = *n;
  return true;
}

setter duration_into(duration engine::limits::* member) {
  return duration_into(&configured_limits::engine, member);
}

/// Not nothing: a poll that ends at once never has a task.
setter some_time(setter of) {
  return [of = std::move(of)](configured_limits& bounds, std::string_view value) {
    auto d = parse_duration(value);
    return d && d->count() > 0 && of(bounds, value);
  };
}

/// Shorter, clients would connect without end.
setter at_least_a_second(setter of) {
  return [of = std::move(of)](configured_limits& bounds, std::string_view value) {
    auto d = parse_duration(value);
    return d && *d >= std::chrono::seconds{1} && of(bounds, value);
  };
}

setter at_most_an_hour(setter of) {
  return [of = std::move(of)](configured_limits& bounds, std::string_view value) {
    auto d = parse_duration(value);
    return d && *d <= std::chrono::hours{1} && of(bounds, value);
  };
}

/// Lists are sorted by so many bytes of a value (store/mysql).
constexpr std::int64_t sorted_bytes_max = 4096;

setter at_most(std::int64_t most, setter of) {
  return [most, of = std::move(of)](configured_limits& bounds, std::string_view value) {
    auto n = parse_count(value);
    return n && *n <= most && of(bounds, value);
  };
}

/// Keys are the same in capitals and small letters.
struct less_by_letter {
  bool operator()(std::string_view a, std::string_view b) const {
    return std::ranges::lexicographical_compare(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) < std::tolower(y); });
  }
};

/// At least 1: where nothing fits, nothing goes on.
template <class Bounds>
setter bound_into(Bounds actors::node_bounds::* part, std::size_t Bounds::* member) {
  return [part, member](configured_limits& bounds, std::string_view value) {
    auto n = parse_count(value);
    if (!n || *n == 0)
      return false;
    bounds.capacity.*part.*member = static_cast<std::size_t>(*n);
    return true;
  };
}

template <class Bounds>
setter bound_into(Bounds configured_limits::* part, std::size_t Bounds::* member) {
  return [part, member](configured_limits& bounds, std::string_view value) {
    auto n = parse_count(value);
    if (!n || *n == 0)
      return false;
    bounds.*part.*member = static_cast<std::size_t>(*n);
    return true;
  };
}

setter bound_into(std::size_t actors::node_bounds::* member) {
  return bound_into(&configured_limits::capacity, member);
}

/// At least 1.
setter count_into(int frontend::front_limits::* member) {
  constexpr std::int64_t most = 1'000'000;
  return [member](configured_limits& bounds, std::string_view value) {
    auto n = parse_count(value);
    if (!n || *n == 0 || *n > most)
      return false;
    bounds.front.*member = static_cast<int>(*n);
    return true;
  };
}

/// Threads, and the sessions that they need.
setter scanners_into() {
  constexpr std::int64_t most = 256;
  return [](configured_limits& bounds, std::string_view value) {
    auto n = parse_count(value);
    if (!n || *n == 0 || *n > most)
      return false;
    bounds.capacity.scanners = static_cast<std::size_t>(*n);
    bounds.scans.sessions = static_cast<int>(*n);
    return true;
  };
}

setter scan_time_into() {
  return [](configured_limits& bounds, std::string_view value) {
    auto d = parse_duration(value);
    if (!d || d->count() == 0)
      return false;
    bounds.scans.time_max = *d;
    return true;
  };
}

/// Beyond a part of them workers are advised to continue as new.
void suggest_continue(configured_limits& bounds) {
  bounds.engine.suggest_continue_updates = static_cast<std::size_t>(
    std::ceil(static_cast<double>(bounds.engine.updates_max) * bounds.suggest_continue_part));
}

bool set_updates(configured_limits& bounds, std::string_view value) {
  auto n = parse_count(value);
  if (n)
    bounds.engine.updates_max = static_cast<std::size_t>(*n);
  suggest_continue(bounds);
  return n.has_value();
}

bool set_suggest_continue_part(configured_limits& bounds, std::string_view value) {
  auto part = parse_number(value);
  if (!part || *part > 1)
    return false;
  bounds.suggest_continue_part = *part;
  suggest_continue(bounds);
  return true;
}

setter rate_into(frontend::rate_limits::group of) {
  return [of](configured_limits& bounds, std::string_view value) {
    bounds.front.rates.rates[static_cast<std::size_t>(of)].per_second = parse_number(value);
    return parse_number(value).has_value();
  };
}

setter burst_into(frontend::rate_limits::group of) {
  return [of](configured_limits& bounds, std::string_view value) {
    auto n = parse_number(value);
    if (!n || *n < 1)
      return false;
    bounds.front.rates.rates[static_cast<std::size_t>(of)].burst = *n;
    return true;
  };
}

bool set_waiting_max(configured_limits& bounds, std::string_view value) {
  auto n = parse_count(value);
  if (n)
    bounds.front.rates.waiting_max = static_cast<std::size_t>(*n);
  return n.has_value();
}

using settings = std::map<std::string, setter, less_by_letter>;

/// What the API allows, by the reference's names.
settings api_settings() {
  using l = engine::limits;
  using f = frontend::front_limits;
  using node = actors::node_bounds;
  using workflow = actors::workflow_bounds;
  return {
    {"limit.blobSize.error", count_into(&l::blob_bytes_max)},
    {"limit.memoSize.error", count_into(&l::memo_bytes_max)},
    {"limit.maxIDLength", count_into(&l::id_length_max)},
    {"limit.numPendingActivities.error", count_into(&l::pending_activities_max)},
    {"limit.numPendingSignals.error", count_into(&l::pending_external_signals_max)},
    {"limit.numPendingCancelRequests.error", count_into(&l::pending_external_cancels_max)},
    {"limit.numPendingChildExecutions.error", count_into(&l::pending_children_max)},
    {"limit.historyCount.error", count_into(&l::history_events_max)},
    {"limit.historySize.error", count_into(&l::history_bytes_max)},
    {"limit.historyCount.suggestContinueAsNew", count_into(&l::suggest_continue_events)},
    {"limit.historySize.suggestContinueAsNew", count_into(&l::suggest_continue_bytes)},
    {"history.maximumSignalsPerExecution", count_into(&l::signals_max)},
    {"history.maxInFlightUpdates", count_into(&l::updates_in_flight_max)},
    {"history.maxInFlightUpdatePayloads", count_into(&l::update_bytes_max)},
    {"history.maxTotalUpdates", &set_updates},
    {"history.maxTotalUpdates.suggestContinueAsNewThreshold", &set_suggest_continue_part},
    {"limit.mutableStateSize.error", count_into(&l::state_bytes_max)},
    {"limit.mutableStateActivityFailureSize.error", count_into(&l::retained_failure_bytes_max)},
    {"system.transactionSizeLimit", count_into(&l::transaction_bytes_max)},
    {"history.historyMaxAutoResetPoints", count_into(&l::reset_points_max)},
    {"history.MaxBufferedQueryCount", bound_into(&node::workflow, &workflow::queries_buffered_max)},
    {"frontend.searchAttributesNumberOfKeysLimit", count_into(&l::search_attributes_max)},
    {"frontend.searchAttributesSizeOfValueLimit",
     at_most(sorted_bytes_max, count_into(&l::search_attribute_bytes_max))},
    {"frontend.searchAttributesTotalSizeLimit", count_into(&l::search_attributes_bytes_max)},
    {"system.maxCallbacksPerWorkflow", count_into(&l::callbacks_max)},
    {"frontend.callbackURLMaxLength", count_into(&f::callback_url_bytes_max)},
    {"frontend.callbackHeaderMaxLength", count_into(&f::callback_header_bytes_max)},
    {"frontend.maxlinksPerRequest", count_into(&f::links_max)},
    {"frontend.linkMaxSize", count_into(&f::link_bytes_max)},
    {"frontend.maxBadBinaries", count_into(&f::bad_binaries_max)},
    {"frontend.visibilityMaxPageSize", page_into(&f::page_rows_max)},
    {"frontend.historyMaxPageSize", &set_history_page},
    {"limit.historyMaxPageSize", &set_history_page},
    {"limit.workerBuildIdSize", count_into(&f::build_id_bytes_max)},
    {"history.maximumBufferedEventsBatch", count_into(&l::buffered_events_max)},
    {"history.maximumBufferedEventsSizeInBytes", count_into(&l::buffered_bytes_max)},
    {"history.defaultWorkflowTaskTimeout", duration_into(&l::workflow_task_timeout_default)},
    {"history.workflowTaskHeartbeatTimeout", duration_into(&l::workflow_task_heartbeat_max)},
    {"history.workflowTaskRetryMaxInterval", duration_into(&l::workflow_task_backoff_max)},
    {"history.workflowIdReuseMinimalInterval", duration_into(&l::run_interval_min)},
    {"system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute",
     count_into(&l::workflow_task_problems_reported)},
    {"frontend.MaxConcurrentBatchOperationPerNamespace", count_into(&f::batches_max)},
    {"frontend.MaxExecutionCountBatchOperationPerNamespace", count_into(&f::batch_runs_max)},
    {"worker.batcherRPS", count_into(&f::batch_rate_max)},
    {"worker.batcherConcurrency", count_into(&f::batch_at_once)},
    {"history.longPollExpirationInterval",
     some_time(duration_into(&configured_limits::front, &f::history_poll_max))},
    {"matching.longPollExpirationInterval",
     some_time(duration_into(&configured_limits::front, &f::task_poll_max))},
  };
}

/// Connections and the server's end, by the reference's names.
settings connection_settings() {
  using times = frontend::connection_times;
  auto of = [](duration times::* member) {
    return at_least_a_second(duration_into(&configured_limits::connections, member));
  };
  return {
    {"frontend.keepAliveMaxConnectionAge", of(&times::age)},
    {"frontend.keepAliveMaxConnectionAgeGrace", of(&times::last_calls)},
    {"frontend.keepAliveMaxConnectionIdle", of(&times::idle)},
    {"frontend.keepAliveTime", of(&times::silence)},
    {"frontend.keepAliveTimeout", of(&times::ping_patience)},
    {"frontend.shutdownFailHealthCheckDuration",
     at_most_an_hour(duration_into(&configured_limits::end, &ending::notice))},
    {"frontend.shutdownDrainDuration",
     at_most_an_hour(duration_into(&configured_limits::end, &ending::last_calls))},
  };
}

/// How many calls a namespace has, by the reference's names.
settings rate_settings() {
  using calls = frontend::rate_limits::group;
  return {
    {"frontend.namespaceRPS", rate_into(calls::others)},
    {"frontend.namespaceBurstRatio", burst_into(calls::others)},
    {"frontend.namespaceRPS.visibility", rate_into(calls::lists)},
    {"frontend.namespaceBurstRatio.visibility", burst_into(calls::lists)},
    {"frontend.namespaceRPS.namespaceReplicationInducingAPIs",
     rate_into(calls::changes_of_namespaces)},
    {"frontend.namespaceBurstRatio.namespaceReplicationInducingAPIs",
     burst_into(calls::changes_of_namespaces)},
    {"frontend.namespaceCount", &set_waiting_max},
  };
}

/// Our own bounds (docs/BOUNDS.md).
settings own_settings() {
  using node = actors::node_bounds;
  using workflow = actors::workflow_bounds;
  using queue = actors::queue_bounds;
  using timer = actors::timer_bounds;
  using messages = actors::message_bounds;
  using group = actors::group_limits;
  return {
    {"reprise.calls", bound_into(&node::calls_max)},
    {"reprise.callBytes", bound_into(&node::call_bytes_max)},
    {"reprise.taskQueues", bound_into(&node::queues_max)},
    {"reprise.storeReads", bound_into(&node::jobs_max)},
    {"reprise.storeScans", bound_into(&node::scans_max)},
    {"reprise.workflow.calls", bound_into(&node::workflow, &workflow::calls_max)},
    {"reprise.workflow.callBytes", bound_into(&node::workflow, &workflow::call_bytes_max)},
    {"reprise.workflow.historyPolls", bound_into(&node::workflow, &workflow::polls_max)},
    {"reprise.workflow.queries", bound_into(&node::workflow, &workflow::queries_max)},
    {"reprise.taskQueue.polls", bound_into(&node::queue, &queue::pollers_max)},
    {"reprise.taskQueue.tasks", bound_into(&node::queue, &queue::tasks_max)},
    {"reprise.taskQueue.taskBytes", bound_into(&node::queue, &queue::task_bytes_max)},
    {"reprise.taskQueue.queries", bound_into(&node::queue, &queue::queries_max)},
    {"reprise.timer.deadlines", bound_into(&node::timer, &timer::armed_max)},
    {"reprise.timer.putOff", bound_into(&node::timer, &timer::put_off_max)},
    {"reprise.returnedTasks", bound_into(&node::returned_max)},
    {"reprise.messages", bound_into(&node::messages, &messages::messages_max)},
    {"reprise.messageBytes", bound_into(&node::messages, &messages::bytes_max)},
    {"reprise.messages.atOnce", bound_into(&node::messages, &messages::under_way_max)},
    {"reprise.scan.atOnce", scanners_into()},
    {"reprise.scan.time", scan_time_into()},
    {"reprise.commit.transitions", bound_into(&configured_limits::group, &group::transitions_max)},
    {"reprise.commit.bytes", bound_into(&configured_limits::group, &group::bytes_max)},
    {"reprise.commit.window", duration_into(&configured_limits::group, &group::window)},
    {"reprise.commit.windowAppends", bound_into(&configured_limits::group, &group::window_appends)},
  };
}

const settings& known_settings() {
  static const settings known = [] {
    auto all = api_settings();
    all.merge(rate_settings());
    all.merge(connection_settings());
    all.merge(own_settings());
    return all;
  }();
  return known;
}

} // namespace

result<void> apply_dynamic_config(const std::vector<std::string>& settings,
                                  configured_limits& bounds, std::vector<std::string>& ignored) {
  for (const auto& setting : settings) {
    auto parts = split(setting);
    if (!parts)
      return refused("--dynamic-config-value " + setting + ": write it as key=value");
    auto known = known_settings().find(parts->first);
    if (known == known_settings().end()) {
      if (std::ranges::find(ignored, parts->first) == ignored.end())
        ignored.push_back(parts->first);
    } else if (!known->second(bounds, parts->second))
      return refused("--dynamic-config-value " + setting + ": the value does not fit");
  }
  return {};
}

} // namespace reprise::cli
