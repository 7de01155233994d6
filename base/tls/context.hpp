#pragma once

#include "base/result.hpp"

#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace reprise::tls {

/// What is spoken inside, as both sides name it to each other. Whoever names nothing is let in.
enum class spoken : std::uint8_t {
  http2,
  /// Between nodes (cluster/link).
  link,
};

/// Where certificates lie, in files of PEM.
struct server_files {
  /// The server's certificate, and behind it those between it and its authority.
  std::string certificate{};
  /// Its private key, without a pass phrase.
  std::string key{};
  /// Whose certificates clients need; empty: clients need none.
  std::string client_authorities{};
  spoken inside = spoken::http2;

  bool empty() const noexcept {
    return certificate.empty() && key.empty() && client_authorities.empty();
  }
};

struct client_files {
  /// Who may have signed the server's certificate; empty: whom the machine trusts.
  std::string authorities{};
  /// What the client shows, where it is asked for it; both or none.
  std::string certificate{};
  std::string key{};
  spoken inside = spoken::http2;
};

struct free_context {
  void operator()(SSL_CTX* c) const noexcept {
    SSL_CTX_free(c);
  }
};

using context_ptr = std::unique_ptr<SSL_CTX, free_context>;

/// TLS 1.2 or later. Refused (invalid_argument), with a sentence that names the file,
/// when one cannot be read or does not fit.
result<context_ptr> make_server_context(const server_files& from);
result<context_ptr> make_client_context(const client_files& from);

/// One side's certificates, which may be replaced while it serves: the files are looked at again
/// when a connection comes or is made, at most every second. Files that do not fit leave what was
/// there, say so in the log, and are tried again when they change, and every ten seconds. Any
/// thread.
class certificates {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Refused as by make_server_context(), make_client_context().
  static result<std::shared_ptr<certificates>> load(server_files from);
  static result<std::shared_ptr<certificates>> load_client(client_files from);

  /// For a connection that came at `now`; it keeps what it needs of the context.
  std::shared_ptr<SSL_CTX> current(time_point now);

private:
  using maker = std::function<result<context_ptr>()>;

  certificates(std::vector<std::string> files, maker make, std::string print, context_ptr loaded);
  static result<std::shared_ptr<certificates>> load(std::vector<std::string> files, maker make);

  const std::vector<std::string> files_;
  const maker make_;
  std::mutex mutex_;
  std::shared_ptr<SSL_CTX> loaded_;
  /// By which a change of the files is seen.
  std::string print_;
  time_point looked_{};
  /// Of those that did not fit, and when they were tried last.
  std::string unfit_print_;
  time_point tried_{};
};

} // namespace reprise::tls
