#include "frontend/grpc_health.hpp"

#include "actors/wire.hpp"
#include "frontend/gzip.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/method_handler.h>
#include <grpcpp/impl/codegen/rpc_service_method.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace reprise::frontend {

namespace {

using grpc::internal::RpcMethod;

/// HealthCheckResponse.ServingStatus.
constexpr int status_serving = 1;
constexpr int status_not_serving = 2;
constexpr int status_unknown_service = 3;
/// More than any service's name.
constexpr std::size_t request_bytes_max = 4096;
/// How long a watcher that hung up may keep its thread.
constexpr auto look_for_cancel = std::chrono::milliseconds{500};

/// The one field of a HealthCheckRequest: the service's name.
std::optional<std::string> read_name(const grpc::ByteBuffer& request) {
  using google::protobuf::internal::WireFormatLite;
  grpc::Slice whole;
  if (!request.TrySingleSlice(&whole).ok() && !request.DumpToSingleSlice(&whole).ok())
    return std::nullopt;
  std::string_view bytes{reinterpret_cast<const char*>(whole.begin()), whole.size()};
  std::string unpacked;
  if (is_gzip(bytes)) {
    auto r = gunzip(bytes, request_bytes_max);
    if (!r)
      return std::nullopt;
    bytes = unpacked = std::move(*r);
  }
  google::protobuf::io::CodedInputStream in{reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size())};
  std::string name;
  constexpr auto name_tag = WireFormatLite::MakeTag(1, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  while (auto tag = in.ReadTag()) {
    auto ok = tag == name_tag ? WireFormatLite::ReadString(&in, &name)
                              : WireFormatLite::SkipField(&in, tag);
    if (!ok)
      return std::nullopt;
  }
  if (!in.ConsumedEntireMessage())
    return std::nullopt;
  return name;
}

grpc::ByteBuffer response_of(int status) {
  constexpr std::uint64_t status_tag = 1 << 3;
  std::string bytes;
  actors::append_varint(bytes, status_tag);
  actors::append_varint(bytes, static_cast<std::uint64_t>(status));
  grpc::Slice slice{bytes};
  return grpc::ByteBuffer{&slice, 1};
}

grpc::Status undecodable_name() {
  return {grpc::StatusCode::INVALID_ARGUMENT, "the request is no HealthCheckRequest"};
}

} // namespace

health_service::health_service(const std::vector<std::string>& names) : names_(names) {
  names_.emplace_back();
  using bytes = grpc::ByteBuffer;
  AddMethod(new grpc::internal::RpcServiceMethod(
    "/grpc.health.v1.Health/Check", RpcMethod::NORMAL_RPC,
    new grpc::internal::RpcMethodHandler<health_service, bytes, bytes>(
      [](health_service* me, grpc::ServerContext*, const bytes* request, bytes* response) {
        return me->check(*request, *response);
      },
      this)));
  AddMethod(new grpc::internal::RpcServiceMethod(
    "/grpc.health.v1.Health/Watch", RpcMethod::SERVER_STREAMING,
    new grpc::internal::ServerStreamingHandler<health_service, bytes, bytes>(
      [](health_service* me, grpc::ServerContext* context, const bytes* request,
         grpc::ServerWriter<bytes>* out) { return me->watch(*context, *request, *out); },
      this)));
}

void health_service::set_serving(bool serving) {
  {
    std::lock_guard lock{mutex_};
    serving_ = serving;
  }
  changed_.notify_all();
}

void health_service::stop() {
  {
    std::lock_guard lock{mutex_};
    stopped_ = true;
    serving_ = false;
  }
  changed_.notify_all();
}

int health_service::status_of(const std::string& name) const {
  if (std::find(names_.begin(), names_.end(), name) == names_.end())
    return status_unknown_service;
  return serving_ ? status_serving : status_not_serving;
}

grpc::Status health_service::check(const grpc::ByteBuffer& request, grpc::ByteBuffer& response) {
  auto name = read_name(request);
  if (!name)
    return undecodable_name();
  std::lock_guard lock{mutex_};
  auto status = status_of(*name);
  if (status == status_unknown_service)
    return {grpc::StatusCode::NOT_FOUND, "unknown service"};
  response = response_of(status);
  return grpc::Status::OK;
}

grpc::Status health_service::watch(const grpc::ServerContext& context,
                                   const grpc::ByteBuffer& request,
                                   grpc::ServerWriter<grpc::ByteBuffer>& out) {
  auto name = read_name(request);
  if (!name)
    return undecodable_name();
  std::unique_lock lock{mutex_};
  if (stopped_)
    return {grpc::StatusCode::UNAVAILABLE, "the server is shutting down"};
  if (watchers_ >= watchers_max)
    return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many clients watch the server's health"};
  ++watchers_;
  auto told = 0;
  while (!stopped_ && !context.IsCancelled()) {
    auto status = status_of(*name);
    if (status == told) {
      changed_.wait_for(lock, look_for_cancel);
      continue;
    }
    told = status;
    lock.unlock();
    auto written = out.Write(response_of(status));
    lock.lock();
    if (!written)
      break;
  }
  --watchers_;
  return stopped_ ? grpc::Status{grpc::StatusCode::UNAVAILABLE, "the server is shutting down"}
                  : grpc::Status::OK;
}

} // namespace reprise::frontend
