#include "engine/queue/queue_machine.hpp"

#include "engine/machine/errors.hpp"
#include "engine/machine/proto_time.hpp"
#include "protocol/parse_stored.hpp"
#include "protocol/queue.pb.h"
#include "temporal/api/workflowservice/v1/request_response.pb.h"

#include <utility>

namespace reprise::engine {

namespace {

namespace taskqueue = temporal::api::taskqueue::v1;
namespace service = temporal::api::workflowservice::v1;

using queue::QueueState;

/// The reference server's.
constexpr std::size_t weight_overrides_max = 1000;

void update_rate(taskqueue::RateLimitConfig& config,
                 const service::UpdateTaskQueueConfigRequest::RateLimitUpdate& update,
                 const std::string& identity, time_point now) {
  config.clear_rate_limit();
  if (update.has_rate_limit())
    *config.mutable_rate_limit() = update.rate_limit();
  auto& by = *config.mutable_metadata();
  by.set_reason(update.reason());
  by.set_update_identity(identity);
  *by.mutable_update_time() = to_proto(now);
}

bool changes_something(const service::UpdateTaskQueueConfigRequest& r) {
  return r.has_update_queue_rate_limit() || r.has_update_fairness_key_rate_limit_default()
         || !r.set_fairness_weight_overrides().empty()
         || !r.unset_fairness_weight_overrides().empty();
}

taskqueue::TaskQueueConfig updated(taskqueue::TaskQueueConfig config,
                                   const service::UpdateTaskQueueConfigRequest& r, time_point now) {
  if (r.has_update_queue_rate_limit())
    update_rate(*config.mutable_queue_rate_limit(), r.update_queue_rate_limit(), r.identity(), now);
  if (r.has_update_fairness_key_rate_limit_default())
    update_rate(*config.mutable_fairness_keys_rate_limit_default(),
                r.update_fairness_key_rate_limit_default(), r.identity(), now);
  auto& weights = *config.mutable_fairness_weight_overrides();
  for (const auto& key : r.unset_fairness_weight_overrides())
    weights.erase(key);
  for (const auto& [key, weight] : r.set_fairness_weight_overrides())
    weights[key] = weight;
  return config;
}

decision refused(error why) {
  decision out{.only_read = true};
  out.reply.now.failure = std::move(why);
  return out;
}

/// The answer of a decision that leaves the queue with this configuration.
decision answered(decision out, taskqueue::TaskQueueConfig config) {
  service::UpdateTaskQueueConfigResponse response;
  *response.mutable_config() = std::move(config);
  out.reply.now.response = response.SerializeAsString();
  return out;
}

record entry_of(const QueueState& x) {
  return {.first_event_id = 1, .facts = x.SerializeAsString()};
}

decision begin(taskqueue::TaskQueueConfig config, const asked& q) {
  QueueState x;
  x.set_namespace_id(q.request->namespace_id());
  x.set_id(q.request->workflow_id());
  x.set_run_id(q.c.ids.uuid7(q.c.now));
  *x.mutable_create_time() = to_proto(q.c.now);
  *x.mutable_config() = config;
  decision out;
  auto written = entry_of(x);
  out.successor = begun_run{.state = make_run_state(std::move(x)), .written = std::move(written)};
  return answered(std::move(out), std::move(config));
}

decision configure(run_state& run, const asked& q) {
  const auto& r = q.request->configure_queue();
  auto before = queue_config_of(run);
  if (!changes_something(r))
    return answered({.only_read = true}, std::move(before));
  auto config = updated(std::move(before), r, q.c.now);
  if (static_cast<std::size_t>(config.fairness_weight_overrides_size()) > weight_overrides_max)
    return refused(
      invalid_argument("fairness weight overrides update rejected: exceeding maximum key size"));
  if (!run)
    return begin(std::move(config), q);
  auto& x = run.as<QueueState>();
  *x.mutable_config() = config;
  decision out;
  out.written = entry_of(x);
  return answered(std::move(out), std::move(config));
}

class queue_machine final : public machine {
public:
  constexpr queue_machine() = default;

  machine_kind kind() const noexcept override {
    return machine_kind::task_queue;
  }

  bool begins(const cluster::ExecutionRequest& request) const override {
    return request.has_configure_queue();
  }

  const std::string& run_of(const cluster::ExecutionRequest& request) const override {
    return request.run_id();
  }

  std::optional<error> refusal(const cluster::ExecutionRequest&) const override {
    return std::nullopt;
  }

  decision decide(run_state& run, session_ptr&, const asked& q) const override {
    if (q.request->has_configure_queue())
      return configure(run, q);
    if (!run)
      return refused(not_found("nothing is configured of this task queue"));
    // Nobody waits for it, and nothing of it is ever due or offered: a wake finds nothing to do.
    decision out{.only_read = true};
    out.erase = q.request->has_delete_execution();
    out.only_read = !out.erase;
    return out;
  }

  run_state make_state() const override {
    return make_run_state(QueueState{});
  }

  std::size_t least_bytes() const noexcept override {
    return sizeof(QueueState);
  }

  bool evolve(run_state& run, const record& row) const override {
    return protocol::parse_stored(run.as<QueueState>(), row.facts);
  }

  standing standing_of(const run_state& run) const override {
    const auto& x = run.as<QueueState>();
    return {.namespace_id = x.namespace_id(), .id = x.id(), .run_id = x.run_id()};
  }

  std::optional<time_point> next_deadline(const run_state&) const override {
    return std::nullopt;
  }

  std::optional<time_point> undelivered_since(const run_state&) const override {
    return std::nullopt;
  }

  std::vector<cluster::Task> undelivered_tasks(const run_state&, time_point) const override {
    return {};
  }

  listing list(const run_state& run, const protocol::search_attribute_types&) const override {
    const auto& x = run.as<QueueState>();
    return {.type = "task queue", .start_time = from_proto(x.create_time())};
  }
};

} // namespace

taskqueue::TaskQueueConfig queue_config_of(const run_state& run) {
  return run ? run.as<QueueState>().config() : taskqueue::TaskQueueConfig{};
}

const machine& the_queue_machine() noexcept {
  static constinit const queue_machine instance;
  return instance;
}

} // namespace reprise::engine
