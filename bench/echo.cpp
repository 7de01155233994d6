// The reference for throughput: a gRPC server that does nothing. It answers each of the four calls
// of a workflow (bench/load.cpp) at once with the bytes that a real server once answered, through
// the same raw callback interface of gRPC that our server uses.
//
//   bench_echo --port PORT --answers FOLDER       (made by bench_load --record FOLDER)
#include "bench/support/caller.hpp"
#include "bench/support/figures.hpp"

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/rpc_service_method.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/codegen/service_type.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <fstream>
#include <sstream>

namespace {

using namespace reprise::bench;

/// The same answer to everybody, copied as a server has to that makes each one.
class canned_method {
public:
  canned_method(const std::string& folder, const std::string& name) : path_(workflow_method(name)) {
    std::ifstream in{folder + "/" + name, std::ios::binary};
    std::ostringstream bytes;
    bytes << in.rdbuf();
    if (!in)
      fail("echo: there is no recorded answer " + folder + "/" + name);
    answer_ = bytes.str();
  }

  const std::string& path() const noexcept {
    return path_;
  }

  grpc::ServerUnaryReactor* serve(grpc::CallbackServerContext* context,
                                  const grpc::ByteBuffer* request,
                                  grpc::ByteBuffer* response) const {
    grpc::Slice read;
    auto* call = context->DefaultReactor();
    if (!request->DumpToSingleSlice(&read).ok()) {
      call->Finish({grpc::StatusCode::INTERNAL, "the request could not be read"});
      return call;
    }
    grpc::Slice slice{answer_};
    *response = grpc::ByteBuffer{&slice, 1};
    call->Finish(grpc::Status::OK);
    return call;
  }

private:
  std::string path_;
  std::string answer_{};
};

class echo_service final : public grpc::Service {
public:
  explicit echo_service(const std::vector<std::unique_ptr<canned_method>>& methods) {
    using bytes_handler = grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, grpc::ByteBuffer>;
    int index = 0;
    for (const auto& m : methods) {
      AddMethod(new grpc::internal::RpcServiceMethod(
        m->path().c_str(), grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
      MarkMethodRawCallback(
        index++, new bytes_handler([what = m.get()](auto* context, auto* request, auto* response) {
          return what->serve(context, request, response);
        }));
    }
  }
};

void wait_for_signal() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  int signal = 0;
  sigwait(&ends, &signal);
}

} // namespace

int main(int argc, char** argv) {
  int port = 0;
  std::string folder;
  CLI::App app{"A gRPC server that does nothing"};
  app.add_option("--port", port)->required();
  app.add_option("--answers", folder, "Folder with the recorded answers")->required();
  CLI11_PARSE(app, argc, argv);
  // Before any thread is there, so that only main takes them.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  std::vector<std::unique_ptr<canned_method>> methods;
  for (const auto* name : {"StartWorkflowExecution", "PollWorkflowTaskQueue",
                           "RespondWorkflowTaskCompleted", "GetWorkflowExecutionHistory"})
    methods.push_back(std::make_unique<canned_method>(folder, name));
  echo_service service{methods};
  grpc::ServerBuilder builder;
  int listening = 0;
  builder.AddListeningPort("127.0.0.1:" + std::to_string(port), grpc::InsecureServerCredentials(),
                           &listening);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.RegisterService(&service);
  auto server = builder.BuildAndStart();
  if (!server || listening == 0)
    fail("echo: cannot listen on port " + std::to_string(port));
  wait_for_signal();
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}
