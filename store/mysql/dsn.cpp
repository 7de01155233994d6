#include "store/mysql/dsn.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace reprise::store::mysql {

namespace {

error bad(const char* what) {
  return make_error(
    errc::invalid_argument,
    std::string{"The MySQL address "} + what
      + ". It has the form mysql://user[:password]@host[:port]/database, and for TLS "
        "?ssl-ca=FILE[&ssl-cert=FILE&ssl-key=FILE] behind it.");
}

std::optional<std::string> decode(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text[0] != '%') {
      out += text[0];
      text.remove_prefix(1);
      continue;
    }
    unsigned value = 0;
    if (text.size() < 3
        || std::from_chars(text.data() + 1, text.data() + 3, value, 16).ptr != text.data() + 3)
      return std::nullopt;
    out += static_cast<char>(value);
    text.remove_prefix(3);
  }
  return out;
}

bool is_name(std::string_view name) {
  auto legal = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
           || c == '-' || c == '$';
  };
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, legal);
}

/// "host", "host:port", "[v6]:port".
bool split_host(std::string_view text, dsn& out) {
  auto after = text.starts_with('[') ? text.find(']') : std::size_t{0};
  if (after == std::string_view::npos)
    return false;
  auto colon = text.find(':', after);
  auto host = text.substr(0, colon);
  if (host.starts_with('[')) {
    if (!host.ends_with(']'))
      return false;
    host = host.substr(1, host.size() - 2);
  }
  out.host = host;
  if (colon == std::string_view::npos)
    return !out.host.empty();
  auto port = text.substr(colon + 1);
  auto read = std::from_chars(port.data(), port.data() + port.size(), out.port);
  return !out.host.empty() && read.ec == std::errc{} && read.ptr == port.data() + port.size()
         && out.port != 0;
}

/// "name=value&name=value".
bool take_files(std::string_view text, dsn& out) {
  while (!text.empty()) {
    auto one = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(one.size() + 1, text.size()));
    auto equals = one.find('=');
    auto name = one.substr(0, equals);
    auto* into = name == "ssl-ca"     ? &out.authorities
                 : name == "ssl-cert" ? &out.certificate
                 : name == "ssl-key"  ? &out.key
                                      : nullptr;
    auto value = equals == std::string_view::npos ? std::nullopt : decode(one.substr(equals + 1));
    if (into == nullptr || !value || value->empty() || !into->empty())
      return false;
    *into = std::move(*value);
  }
  return out.certificate.empty() == out.key.empty()
         && (out.certificate.empty() || !out.authorities.empty());
}

} // namespace

result<dsn> parse_dsn(const std::string& text) {
  constexpr std::string_view scheme = "mysql://";
  if (!text.starts_with(scheme))
    return bad("does not begin with mysql://");
  auto rest = std::string_view{text}.substr(scheme.size());
  // Names of files may hold anything, a password only what was encoded.
  auto question = rest.find("?ssl-");
  if (question == std::string_view::npos)
    if (auto login = rest.rfind('@'); login != std::string_view::npos)
      question = rest.find('?', login);
  auto files = question == std::string_view::npos ? std::string_view{} : rest.substr(question + 1);
  rest = rest.substr(0, question);
  auto slash = rest.rfind('/');
  auto at = rest.rfind('@', slash);
  if (slash == std::string_view::npos || at == std::string_view::npos)
    return bad("lacks a user, a host or a database");
  dsn out;
  out.database = rest.substr(slash + 1);
  auto login = rest.substr(0, at);
  auto colon = login.find(':');
  auto user = decode(login.substr(0, colon));
  auto has_password = colon != std::string_view::npos;
  auto password = has_password ? decode(login.substr(colon + 1)) : std::optional{std::string{}};
  if (!user || !password || user->empty())
    return bad("has no readable user and password");
  out.user = std::move(*user);
  out.password = std::move(*password);
  if (!split_host(rest.substr(at + 1, slash - at - 1), out))
    return bad("has no readable host and port");
  if (!is_name(out.database))
    return bad("names no database (up to 64 letters, digits, '_', '-' and '$')");
  if (question != std::string_view::npos && (files.empty() || !take_files(files, out)))
    return bad("has settings of TLS that do not fit");
  return out;
}

} // namespace reprise::store::mysql
