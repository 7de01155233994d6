#include "frontend/call/client_version.hpp"

#include "temporal/api/errordetails/v1/message.pb.h"

#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace reprise::frontend {

namespace details = temporal::api::errordetails::v1;

namespace {

using version = std::array<std::uint32_t, 3>;

/// "1.2.3" with anything behind a '-' or '+' left out.
std::optional<version> parse_version(std::string_view text) {
  version v{};
  text = text.substr(0, text.find_first_of("-+"));
  for (std::size_t i = 0; i < v.size(); ++i) {
    auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), v[i]);
    if (failed != std::errc{})
      return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (i + 1 == v.size())
      break;
    if (!text.starts_with('.'))
      return std::nullopt;
    text.remove_prefix(1);
  }
  return text.empty() ? std::optional{v} : std::nullopt;
}

/// One condition like "<2.0.0"; one that cannot be read holds.
bool holds(const version& v, std::string_view condition) {
  auto digits = condition.find_first_of("0123456789");
  auto op = condition.substr(0, digits);
  auto bound = digits == std::string_view::npos ? std::nullopt
                                                : parse_version(condition.substr(digits));
  if (!bound)
    return true;
  if (op == "<")
    return v < *bound;
  if (op == "<=")
    return v <= *bound;
  if (op == ">")
    return v > *bound;
  if (op == ">=")
    return v >= *bound;
  if (op == "!=" || op == "!")
    return v != *bound;
  return v == *bound;
}

/// Conditions with blanks between them all have to hold; "||" begins an alternative.
bool in_range(const version& v, std::string_view range) {
  while (true) {
    auto either = range.find("||");
    auto part = range.substr(0, either);
    bool all = true;
    std::string condition;
    while (!part.empty()) {
      auto blank = part.find(' ');
      condition += part.substr(0, blank);
      // "< 2.0.0" is one condition.
      if (condition.find_first_of("0123456789") != std::string::npos)
        all = holds(v, std::exchange(condition, {})) && all;
      part = blank == std::string_view::npos ? std::string_view{} : part.substr(blank + 1);
    }
    if (all)
      return true;
    if (either == std::string_view::npos)
      return false;
    range = range.substr(either + 2);
  }
}

std::string find(const headers& said, const char* name) {
  auto found = said.find(name);
  return found == said.end() ? std::string{} : found->second;
}

result<void> check_client(const std::string& client, const std::string& client_version) {
  auto known = supported_clients().find(client);
  if (known == supported_clients().end())
    return {};
  auto v = parse_version(client_version);
  if (!v)
    return invalid_argument("Unable to parse client version: No Major.Minor.Patch elements found");
  if (in_range(*v, known->second))
    return {};
  details::ClientVersionNotSupportedFailure detail;
  detail.set_client_version(client_version);
  detail.set_client_name(client);
  detail.set_supported_versions(known->second);
  return with_detail(errc::failed_precondition,
                     "Client version " + client_version + " is not supported. Server supports "
                       + client + " versions: " + known->second,
                     detail);
}

} // namespace

const std::map<std::string, std::string>& supported_clients() {
  static const std::map<std::string, std::string> clients{
    {"temporal-go", "<2.0.0"},  {"temporal-java", "<2.0.0"},       {"temporal-php", "<2.0.0"},
    {"temporal-cli", "<2.0.0"}, {"temporal-typescript", "<2.0.0"}, {"temporal-server", "<2.0.0"},
    {"temporal-ui", "<3.0.0"},  {"Nexus-go-sdk", "<2.0.0"}};
  return clients;
}

result<void> check_client_version(const headers& said, const std::string& server_version) {
  auto client = find(said, "client-name");
  auto client_version = find(said, "client-version");
  if (!client.empty() && !client_version.empty())
    if (auto fits = check_client(client, client_version); !fits)
      return fits;
  auto wanted = find(said, "supported-server-versions");
  auto ours = parse_version(server_version);
  if (wanted.empty() || !ours || in_range(*ours, wanted))
    return {};
  details::ServerVersionNotSupportedFailure detail;
  detail.set_server_version(server_version);
  detail.set_client_supported_server_versions(wanted);
  return with_detail(errc::failed_precondition,
                     "Server version " + server_version
                       + " is not supported. Client supports "
                         "server versions: "
                       + wanted,
                     detail);
}

} // namespace reprise::frontend
