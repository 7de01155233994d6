#include "cli/operator_call.hpp"

#include <CLI/CLI.hpp>
#include <chrono>

namespace reprise::cli {

void add_asked_server(CLI::App& command, asked_server& into) {
  command.add_option("--address", into.address, "The server, on this machine")
    ->capture_default_str();
  command.add_flag("--tls", into.is_secret, "Speak TLS, with whom this machine trusts");
  command.add_option("--tls-ca-path", into.tls.authorities, "Whom to trust instead (PEM)");
  command.add_option("--tls-cert-path", into.tls.certificate, "Certificate to show (PEM)");
  command.add_option("--tls-key-path", into.tls.key, "Its private key (PEM)");
}

result<void> ask_operator_service(const asked_server& server, const char* method,
                                  const google::protobuf::MessageLite& request,
                                  google::protobuf::MessageLite& answer) {
  constexpr auto patience = std::chrono::seconds{10};
  server_address where{.text = server.address};
  const auto& tls = server.tls;
  if (server.is_secret || !tls.authorities.empty() || !tls.certificate.empty() || !tls.key.empty())
    where.tls = tls;
  auto bytes = unary_call(where,
                          std::string{"/reprise.operatorservice.v1.OperatorService/"} + method,
                          request.SerializeAsString(), patience);
  if (!bytes)
    return std::move(bytes).error();
  if (!answer.ParseFromString(*bytes))
    return make_error(errc::internal, "the server's answer cannot be read");
  return {};
}

} // namespace reprise::cli
