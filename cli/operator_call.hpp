#pragma once

#include "base/tls/context.hpp"
#include "cli/unary_call.hpp"

#include <google/protobuf/message_lite.h>

#include <string>

namespace CLI {
class App;
}

namespace reprise::cli {

/// Which server a command asks, and how.
struct asked_server {
  std::string address = "127.0.0.1:7233";
  /// Any of the files means TLS, too.
  bool is_secret = false;
  tls::client_files tls{};
};

/// Adds --address and what TLS needs; `into` is filled in when the arguments are parsed.
void add_asked_server(CLI::App& command, asked_server& into);

/// Calls a method of our own service for operators. Blocks, for some seconds at most.
result<void> ask_operator_service(const asked_server& server, const char* method,
                                  const google::protobuf::MessageLite& request,
                                  google::protobuf::MessageLite& answer);

template <class Answer>
result<Answer>
ask(const asked_server& server, const char* method, const google::protobuf::MessageLite& request) {
  Answer out;
  if (auto ok = ask_operator_service(server, method, request, out); !ok)
    return ok.error();
  return out;
}

} // namespace reprise::cli
