#include "bench/support/caller.hpp"

#include "bench/support/figures.hpp"

#include <optional>

namespace reprise::bench {

namespace {

std::shared_ptr<grpc::Channel> connect(const std::string& target) {
  grpc::ChannelArguments arguments;
  // Without it all channels to one address share one connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

grpc::ByteBuffer buffer_of(const std::string& bytes) {
  grpc::Slice slice{bytes};
  return grpc::ByteBuffer{&slice, 1};
}

} // namespace

struct caller::pending {
  grpc::ClientContext context{};
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader{};
  grpc::ByteBuffer response{};
  grpc::Status status{};
  handler done{};
};

caller::caller(const std::string& target, std::size_t connections) {
  for (std::size_t i = 0; i < connections; ++i)
    stubs_.push_back(std::make_unique<grpc::GenericStub>(connect(target)));
}

caller::~caller() {
  // A long poll would keep it for a minute.
  for (auto* p : pending_)
    p->context.TryCancel();
  answered_.Shutdown();
  void* tag = nullptr;
  for (bool ok = false; answered_.Next(&tag, &ok);)
    delete static_cast<pending*>(tag);
}

void caller::call(const std::string& path, const std::string& request, std::chrono::seconds timeout,
                  handler done) {
  auto* p = new pending;
  p->done = std::move(done);
  p->context.set_deadline(std::chrono::system_clock::now() + timeout);
  auto& stub = *stubs_[next_++ % stubs_.size()];
  p->reader = stub.PrepareUnaryCall(&p->context, path, buffer_of(request), &answered_);
  p->reader->StartCall();
  p->reader->Finish(&p->response, &p->status, p);
  pending_.insert(p);
}

bool caller::run_one(std::chrono::system_clock::time_point deadline) {
  void* tag = nullptr;
  bool ok = false;
  if (answered_.AsyncNext(&tag, &ok, deadline) != grpc::CompletionQueue::GOT_EVENT)
    return false;
  std::unique_ptr<pending> p{static_cast<pending*>(tag)};
  pending_.erase(p.get());
  grpc::Slice whole;
  if (p->status.ok() && !p->response.TrySingleSlice(&whole).ok()
      && !p->response.DumpToSingleSlice(&whole).ok())
    p->status = {grpc::StatusCode::INTERNAL, "the response could not be read"};
  p->done(p->status, {reinterpret_cast<const char*>(whole.begin()), whole.size()});
  return true;
}

grpc::Status caller::call_and_wait(const std::string& path, const std::string& request,
                                   std::string& response) {
  constexpr std::chrono::seconds limit{60};
  std::optional<grpc::Status> out;
  call(path, request, limit, [&](const grpc::Status& status, std::string_view bytes) {
    out = status;
    response = bytes;
  });
  while (!out)
    run_one(std::chrono::system_clock::now() + limit);
  return *out;
}

std::string workflow_method(const std::string& name) {
  return "/temporal.api.workflowservice.v1.WorkflowService/" + name;
}

void wait_for_server(const std::string& target) {
  constexpr std::chrono::seconds limit{30};
  if (!connect(target)->WaitForConnected(std::chrono::system_clock::now() + limit))
    fail("no server listens on " + target);
}

} // namespace reprise::bench
