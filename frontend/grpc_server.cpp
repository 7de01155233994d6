// The API's services, registered at run time from their descriptors: every method takes and gives
// raw bytes, so no message is parsed or serialised twice and no generated stub is needed.

#include "frontend/grpc_server.hpp"

#include "actors/wire.hpp"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/codegen/rpc_service_method.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/codegen/service_type.h>

#include <array>
#include <map>

namespace reprise::frontend {

namespace {

/// What a request may have; the API's limit. The transport's own is far higher, since its text is
/// not the one by which clients know that a retry is in vain.
constexpr std::size_t request_bytes_max = 4U << 20;
constexpr int transport_bytes_max = 64 << 20;
/// Longer texts of errors are cut.
constexpr std::size_t error_text_max = 4000;
constexpr const char* workflow_service = "temporal.api.workflowservice.v1.WorkflowService";

constexpr std::array<const char*, 7> known_headers{
  "client-name", "client-version", "supported-server-versions", "supported-features",
  "caller-name", "caller-type",    "temporal-namespace"};

headers headers_of(const grpc::CallbackServerContext& context) {
  headers said;
  for (const auto* name : known_headers)
    if (auto found = context.client_metadata().find(name); found != context.client_metadata().end())
      said.emplace(name, std::string{found->second.data(), found->second.size()});
  return said;
}

std::optional<time_point> deadline_of(const grpc::CallbackServerContext& context) {
  auto deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max())
    return std::nullopt;
  return std::chrono::time_point_cast<duration>(deadline);
}

/// Bytes that the transport sends from where they are.
grpc::ByteBuffer to_buffer(std::string bytes) {
  auto* kept = new std::string{std::move(bytes)};
  grpc::Slice slice{kept->data(), kept->size(),
                    [](void* owner) { delete static_cast<std::string*>(owner); }, kept};
  return grpc::ByteBuffer{&slice, 1};
}

/// A google.rpc.Status with one detail, in its wire form.
std::string status_bytes(const error& why, const std::string& text) {
  using actors::append_field;
  using actors::append_varint;
  constexpr std::uint64_t code_head = 1 << 3;
  std::string any;
  append_field(any, 1, "type.googleapis.com/" + why.detail_type);
  append_field(any, 2, why.detail);
  std::string out;
  append_varint(out, code_head);
  append_varint(out, static_cast<std::uint64_t>(why.code));
  append_field(out, 2, text);
  append_field(out, 3, any);
  return out;
}

grpc::Status to_status(const error& why) {
  auto text = why.message;
  if (text.size() > error_text_max) {
    text.resize(error_text_max);
    // Never in the middle of a character.
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80)
      text.pop_back();
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0)
      text.pop_back();
  }
  auto code = static_cast<grpc::StatusCode>(why.code);
  if (why.detail_type.empty())
    return {code, text};
  return {code, text, status_bytes(why, text)};
}

/// One call of the transport. Owned by the transport until OnDone.
class reactor final : public grpc::ServerUnaryReactor {
public:
  reactor(service& front, const method& what, grpc::CallbackServerContext& context,
          const grpc::ByteBuffer& request, grpc::ByteBuffer& response)
    : response_(response) {
    if (auto size = request.Length(); size > request_bytes_max) {
      Finish(grpc::Status{grpc::StatusCode::RESOURCE_EXHAUSTED,
                          "grpc: received message larger than max (" + std::to_string(size)
                            + " vs. " + std::to_string(request_bytes_max) + ")"});
      return;
    }
    grpc::Slice whole;
    auto copied = request.TrySingleSlice(&whole).ok() || request.DumpToSingleSlice(&whole).ok();
    if (!copied) {
      Finish(grpc::Status{grpc::StatusCode::INTERNAL, "the request could not be read"});
      return;
    }
    std::string_view bytes{reinterpret_cast<const char*>(whole.begin()), whole.size()};
    call_ = front.serve(what, bytes, headers_of(context), deadline_of(context),
                        [this](result<std::string> r) { finish(std::move(r)); });
  }

  void OnCancel() override {
    if (call_)
      call_->cancel();
  }

  void OnDone() override {
    delete this;
  }

private:
  void finish(result<std::string> r) {
    if (!r)
      return Finish(to_status(r.error()));
    response_ = to_buffer(std::move(*r));
    Finish(grpc::Status::OK);
  }

  grpc::ByteBuffer& response_;
  call::ptr call_;
};

/// One service of the API with all its methods.
class raw_service final : public grpc::Service {
public:
  raw_service(service& front, const std::vector<const method*>& methods) {
    using bytes_handler = grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, grpc::ByteBuffer>;
    int index = 0;
    for (const auto* what : methods) {
      AddMethod(new grpc::internal::RpcServiceMethod(
        what->path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
      MarkMethodRawCallback(index++,
                            new bytes_handler([&front, what](grpc::CallbackServerContext* context,
                                                             const grpc::ByteBuffer* request,
                                                             grpc::ByteBuffer* response) {
                              return new reactor{front, *what, *context, *request, *response};
                            }));
    }
  }
};

/// Whatever is called that no service has.
class unknown_methods final : public grpc::CallbackGenericService {
  class refusal final : public grpc::ServerGenericBidiReactor {
  public:
    explicit refusal(const std::string& text) {
      Finish(grpc::Status{grpc::StatusCode::UNIMPLEMENTED, text});
    }

    void OnDone() override {
      delete this;
    }
  };

  grpc::ServerGenericBidiReactor*
  CreateReactor(grpc::GenericCallbackServerContext* context) override {
    const auto& path = context->method();
    auto slash = path.rfind('/');
    auto service_name = slash == std::string::npos || slash == 0 ? path : path.substr(1, slash - 1);
    auto known = service_name.starts_with("temporal.api.") && slash != std::string::npos;
    return new refusal{known ? "unknown method " + path.substr(slash + 1) + " for service "
                                 + service_name
                             : "unknown service " + service_name};
  }
};

void add_keep_alive(grpc::ServerBuilder& builder) {
  constexpr int second = 1000;
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60 * second);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10 * second);
  // Clients may ping every 10 s, also while they have no call.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10 * second);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 120 * second);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, 300 * second);
  // Longer than the longest poll, so that none is cut.
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, 70 * second);
}

class server final : public grpc_server {
public:
  explicit server(service& front) : front_(front) {
    std::map<std::string, std::vector<const method*>> by_service;
    for (const auto& m : front.methods())
      by_service[m->path.substr(0, m->path.rfind('/'))].push_back(m.get());
    for (const auto& [name, methods] : by_service)
      services_.push_back(std::make_unique<raw_service>(front, methods));
  }

  ~server() override {
    stop(std::chrono::milliseconds{0});
  }

  bool listen(const grpc_options& options) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    builder.AddListeningPort(options.ip + ":" + std::to_string(options.port),
                             grpc::InsecureServerCredentials(), &port_);
    // Two processes on one port would each get half of the calls.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.SetMaxReceiveMessageSize(transport_bytes_max);
    builder.SetMaxSendMessageSize(-1);
    add_keep_alive(builder);
    for (const auto& s : services_)
      builder.RegisterService(s.get());
    builder.RegisterCallbackGenericService(&unknown_);
    running_ = builder.BuildAndStart();
    if (!running_ || port_ == 0)
      return false;
    set_serving(true);
    return true;
  }

  int port() const override {
    return port_;
  }

  void set_serving(bool serving) override {
    if (auto* health = running_->GetHealthCheckService()) {
      health->SetServingStatus("", serving);
      health->SetServingStatus(workflow_service, serving);
    }
  }

  void stop(std::chrono::milliseconds patience) override {
    if (!running_)
      return;
    front_.drain();
    running_->Shutdown(std::chrono::system_clock::now() + patience);
    running_->Wait();
    running_.reset();
  }

private:
  service& front_;
  std::vector<std::unique_ptr<raw_service>> services_;
  unknown_methods unknown_;
  std::unique_ptr<grpc::Server> running_;
  int port_ = 0;
};

} // namespace

result<std::unique_ptr<grpc_server>> grpc_server::start(service& front,
                                                        const grpc_options& options) {
  auto made = std::make_unique<server>(front);
  if (!made->listen(options))
    return make_error(errc::unavailable, "cannot listen on " + options.ip + ":"
                                           + std::to_string(options.port)
                                           + "; is another server running there?");
  return std::unique_ptr<grpc_server>{std::move(made)};
}

} // namespace reprise::frontend
