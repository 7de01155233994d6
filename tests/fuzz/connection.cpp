// Any bytes on a connection of a whole server: nothing breaks, and when the client is gone nothing
// of it is left. An input's first byte says how much of a good client comes first, and in which
// frames the rest is packed; otherwise hardly any input would get past HTTP/2's first checks.
#include "base/log.hpp"
#include "frontend/transport/health.hpp"
#include "frontend/transport/loop.hpp"
#include "frontend/transport/reflection.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/virtual_server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

using namespace reprise;
using namespace reprise::frontend;

namespace {

constexpr std::uint8_t with_preface = 1;
constexpr std::uint8_t with_call = 2;
constexpr std::uint8_t packed = 4;

constexpr std::array<std::string_view, 6> paths{
  "/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo",
  "/temporal.api.workflowservice.v1.WorkflowService/PollWorkflowTaskQueue",
  "/temporal.api.workflowservice.v1.WorkflowService/StartWorkflowExecution",
  "/grpc.health.v1.Health/Check",
  "/grpc.health.v1.Health/Watch",
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"};

struct world {
  world() {
    set_log_level(log_level::off);
    server = std::make_unique<testing::virtual_server>();
    for (const auto& m : server->front().methods())
      routes.emplace(m->path, route{.api = m.get()});
    routes.emplace(std::string{paths[3]}, route{.side = &check});
    routes.emplace(std::string{paths[4]}, route{.side = &watch});
    routes.emplace(std::string{paths[5]}, route{.side = &described});
  }

  health_state health{.names = {"a"}};
  health_check check{health};
  health_watch watch{health};
  reflection described{{"grpc.health.v1.Health"}};
  route_table routes;
  std::unique_ptr<testing::virtual_server> server;
};

world& the_world() {
  // Never ended: at the process's end the actor library's own globals are gone before ours.
  static auto* w = new world;
  return *w;
}

std::string number(std::size_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i)
    out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

std::string frame(std::uint8_t type, std::uint8_t flags, std::string_view content) {
  return number(content.size(), 3) + number(type, 1) + number(flags, 1) + number(1, 4)
         + std::string{content};
}

std::string header(std::string_view name, std::string_view value) {
  return number(0, 1) + number(name.size(), 1) + std::string{name} + number(value.size(), 1)
         + std::string{value};
}

/// What the client sends.
std::string stream_of(std::uint8_t how, std::string_view rest) {
  constexpr std::size_t piece = 200;
  constexpr std::uint8_t end_of_headers = 4;
  std::string out;
  if ((how & with_preface) != 0)
    out += "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + number(0, 3) + number(4, 1) + number(0, 5);
  if ((how & with_call) != 0)
    out += frame(1, end_of_headers,
                 "\x83\x86" + header(":path", paths[(how >> 3) % paths.size()])
                   + header("content-type", "application/grpc") + header("grpc-encoding", "gzip")
                   + header("grpc-timeout", "1S"));
  if ((how & packed) == 0)
    return out + std::string{rest};
  for (; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size())))
    out += frame(0, rest.size() <= piece ? 1 : 0, rest.substr(0, piece));
  return out;
}

void turn(transport_loop& loop, testing::virtual_server& server) {
  loop.settle();
  loop.wait(transport_loop::time_point{});
  loop.handle();
  server.run();
  loop.settle();
  loop.wait(transport_loop::time_point{});
  loop.handle();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1)
    return 0;
  auto& w = the_world();
  transport_meters meters{w.server->registry};
  transport_loop loop{w.server->front(), w.routes, {}, meters};
  std::array<int, 2> ends{};
  fuzz::require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0,
                "there are sockets");
  {
    file_descriptor client{ends[0]};
    loop.adopt(file_descriptor{ends[1]});
    auto said = stream_of(data[0], fuzz::bytes_of(data + 1, size - 1));
    // In two pieces, so that what is half there is seen, too.
    std::string_view left = said;
    for (auto n : {left.size() / 2, left.size() - left.size() / 2}) {
      [[maybe_unused]] auto sent = ::send(client.get(), left.data(), n, MSG_NOSIGNAL);
      left.remove_prefix(n);
      turn(loop, *w.server);
    }
    w.health.serving = !w.health.serving;
    w.watch.tell();
    turn(loop, *w.server);
  }
  loop.drain();
  for (int i = 0; i < 3; ++i)
    turn(loop, *w.server);
  fuzz::require(loop.load() == 0, "no connection is left");
  fuzz::require(loop.wait_until_idle(std::chrono::milliseconds{0}), "no call is left");
  fuzz::require(w.health.watches == 0, "no watch is left");
  return 0;
}
