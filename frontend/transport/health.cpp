#include "frontend/transport/health.hpp"

#include "protocol/grpc_health.pb.h"

#include <algorithm>

namespace reprise::frontend {

namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

/// No service is called so; a watch keeps its name.
constexpr std::size_t name_max = 1000;

std::optional<std::string> read_name(std::string_view message) {
  HealthCheckRequest request;
  if (!request.ParseFromArray(message.data(), static_cast<int>(message.size()))
      || request.service().size() > name_max)
    return std::nullopt;
  return std::move(*request.mutable_service());
}

HealthCheckResponse::ServingStatus status_of(const health_state& state, const std::string& name) {
  if (!name.empty() && std::find(state.names.begin(), state.names.end(), name) == state.names.end())
    return HealthCheckResponse::SERVICE_UNKNOWN;
  return state.serving.load(std::memory_order_acquire) ? HealthCheckResponse::SERVING
                                                       : HealthCheckResponse::NOT_SERVING;
}

std::string response_of(HealthCheckResponse::ServingStatus status) {
  HealthCheckResponse response;
  response.set_status(status);
  return response.SerializeAsString();
}

error unreadable() {
  return make_error(errc::invalid_argument, "the request is no HealthCheckRequest");
}

error stopping() {
  return make_error(errc::unavailable, "the server is shutting down");
}

} // namespace

void health_check::on_message(exchange& from, std::string_view message) {
  auto name = read_name(message);
  if (!name)
    return from.finish(unreadable());
  auto status = status_of(state_, *name);
  if (status == HealthCheckResponse::SERVICE_UNKNOWN)
    return from.finish(make_error(errc::not_found, "unknown service"));
  from.send(response_of(status));
  from.finish({});
}

void health_check::on_end(exchange& from) {
  // With a request it would be over.
  from.finish(unreadable());
}

void health_watch::on_message(exchange& from, std::string_view message) {
  auto name = read_name(message);
  if (!name || watches_.contains(&from))
    return from.finish(unreadable());
  if (state_.stopped)
    return from.finish(stopping());
  if (state_.watches.fetch_add(1) >= state_.watches_max) {
    state_.watches.fetch_sub(1);
    if (state_.refused != nullptr)
      state_.refused->add();
    return from.finish(
      make_error(errc::resource_exhausted, "too many clients watch the server's health"));
  }
  auto status = status_of(state_, *name);
  watches_.emplace(&from, watch{.name = std::move(*name), .told = status});
  from.send(response_of(status));
}

void health_watch::on_end(exchange& from) {
  if (!watches_.contains(&from))
    from.finish(unreadable());
}

void health_watch::on_gone(exchange& from) {
  state_.watches.fetch_sub(watches_.erase(&from));
}

void health_watch::tell() {
  for (auto& [who, what] : watches_) {
    auto status = status_of(state_, what.name);
    if (status != what.told) {
      what.told = status;
      who->send(response_of(status));
    }
    if (state_.stopped)
      who->finish(stopping());
  }
}

} // namespace reprise::frontend
