#include "frontend/service.hpp"

#include "actors/call/returned_task.hpp"
#include "base/ensure.hpp"
#include "frontend/batch/batch_worker.hpp"
#include "frontend/call/client_version.hpp"
#include "frontend/handlers/handlers.hpp"
#include "protocol/operator.pb.h"
#include "temporal/api/operatorservice/v1/service.pb.h"
#include "temporal/api/workflowservice/v1/service.pb.h"

#include <google/protobuf/descriptor.h>

#include <array>
#include <chrono>
#include <string_view>

namespace reprise::frontend {

namespace {

constexpr const char* requests_name = "service_requests";
constexpr const char* latency_name = "service_latency";
constexpr const char* failures_name = "service_error_with_type";

handler_table all_handlers() {
  handler_table table;
  add_system_handlers(table);
  add_namespace_handlers(table);
  add_search_attribute_handlers(table);
  add_start_handlers(table);
  add_execution_handlers(table);
  add_history_handlers(table);
  add_workflow_task_handlers(table);
  add_activity_task_handlers(table);
  add_activity_operator_handlers(table);
  add_query_handlers(table);
  add_update_handlers(table);
  add_queue_handlers(table);
  add_visibility_handlers(table);
  add_batch_handlers(table);
  add_parked_handlers(table);
  add_backup_handlers(table);
  return table;
}

cluster::Reply::TaskPlace place_of_tasks(std::string_view method) {
  if (method == "PollWorkflowTaskQueue" || method == "PollActivityTaskQueue")
    return cluster::Reply::POLL;
  if (method == "RespondWorkflowTaskCompleted")
    return cluster::Reply::COMPLETION;
  return method == "StartWorkflowExecution" ? cluster::Reply::START : cluster::Reply::NOWHERE;
}

constexpr const char* own_service = "reprise.operatorservice.v1.OperatorService";

/// The services of the API that this server knows, and its own. Reading the addresses of their
/// descriptor tables keeps compiler and linker from leaving out the files that describe them.
std::array<const google::protobuf::ServiceDescriptor*, 3> known_services() {
  static const void* volatile kept[]
    = {&descriptor_table_temporal_2fapi_2fworkflowservice_2fv1_2fservice_2eproto,
       &descriptor_table_temporal_2fapi_2foperatorservice_2fv1_2fservice_2eproto,
       &descriptor_table_protocol_2foperator_2eproto};
  for (const auto* table : kept)
    ENSURE(table != nullptr, "the API's descriptors are part of the binary");
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  return {pool->FindServiceByName("temporal.api.workflowservice.v1.WorkflowService"),
          pool->FindServiceByName("temporal.api.operatorservice.v1.OperatorService"),
          pool->FindServiceByName(own_service)};
}

} // namespace

service::service(backend& back, server_facts facts, metrics& measured, const front_limits& limits)
  : parts_{.back = back, .facts = std::move(facts), .limits = limits}, measured_(measured) {
  add_methods(measured);
  batches_ = std::make_unique<batch_worker>(
    *this, back,
    batch_worker::options{.at_once = static_cast<std::size_t>(std::max(limits.batch_at_once, 1))});
}

service::~service() = default;

void service::add_methods(metrics& measured) {
  auto handlers = all_handlers();
  for (const auto* described : known_services()) {
    for (int i = 0; i < described->method_count(); ++i) {
      auto m = std::make_unique<method>();
      m->name = described->method(i)->name();
      m->path = "/" + described->full_name() + "/" + m->name;
      m->tasks = place_of_tasks(m->name);
      m->for_operators = described->full_name() == own_service;
      if (auto known = handlers.find(m->name); known != handlers.end()) {
        m->serve = std::move(known->second);
        labels with{{"service_name", "frontend"}, {"operation", m->name}};
        m->requests = &measured.counter(requests_name, "Calls taken", with);
        m->latency = &measured.histogram(latency_name, "Seconds from call to answer",
                                         latency_bounds(), std::move(with));
      }
      by_path_.emplace(m->path, m.get());
      methods_.push_back(std::move(m));
    }
  }
}

const method* service::find(const std::string& path) const {
  auto found = by_path_.find(path);
  return found == by_path_.end() ? nullptr : found->second;
}

void service::count_failure(const method& what, const error& why) {
  measured_
    .counter(failures_name, "Calls that failed",
             {{"service_name", "frontend"},
              {"operation", what.serve ? what.name : "unknown"},
              {"error_type", std::string{to_string(why.code)}}})
    .add();
  if (see_failure_)
    see_failure_(why);
}

caller_ptr service::caller_of(headers said) const {
  auto fits = check_client_version(said, parts_.facts.server_version);
  auto made = std::make_shared<caller>();
  made->said = std::move(said);
  if (!fits)
    made->refused = std::move(fits).error();
  return made;
}

call::ptr service::serve(const method& what, std::string_view request, caller_ptr by,
                         std::optional<time_point> deadline, response_handler done) {
  auto begun = std::chrono::steady_clock::now();
  auto measured = [this, &what, begun, done = std::move(done)](result<std::string> r) {
    if (what.latency) {
      std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
      what.latency->observe(took.count());
    }
    if (!r)
      count_failure(what, r.error());
    done(std::move(r));
  };
  auto c = std::make_shared<call>(parts_, what.name, by, deadline, std::move(measured));
  if (!what.serve) {
    c->fail(not_implemented(what.name));
    return c;
  }
  what.requests->add();
  if (by->refused) {
    c->fail(*by->refused);
    return c;
  }
  c->guard([&] { what.serve(c, request); });
  return c;
}

call::ptr service::serve(const std::string& path, std::string_view request, headers said,
                         std::optional<time_point> deadline, response_handler done) {
  static const method unknown{.path = "", .name = "unknown"};
  if (const auto* what = find(path))
    return serve(*what, request, caller_of(std::move(said)), deadline, std::move(done));
  auto c = std::make_shared<call>(parts_, unknown.name, caller_of(std::move(said)), deadline,
                                  std::move(done));
  c->fail(make_error(errc::unimplemented, "unknown method " + path));
  return c;
}

std::vector<std::string> service::task_tokens_of(const method& of, std::string_view response) {
  auto tokens = actors::task_tokens_of(response, of.tasks);
  return {tokens.begin(), tokens.end()};
}

void service::give_back(std::string_view task_token) {
  parts_.back.give_back(task_token);
}

void service::drain() {
  batches_->stop();
  parts_.back.end_waiting();
}

} // namespace reprise::frontend
