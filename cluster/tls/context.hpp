#pragma once

#include "base/result.hpp"

#include <openssl/ssl.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

namespace reprise::tls {

/// Where certificates lie, in files of PEM.
struct server_files {
  /// The server's certificate, and behind it those between it and its authority.
  std::string certificate{};
  /// Its private key, without a pass phrase.
  std::string key{};
  /// Whose certificates clients need; empty: clients need none.
  std::string client_authorities{};

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
};

struct free_context {
  void operator()(SSL_CTX* c) const noexcept {
    SSL_CTX_free(c);
  }
};

using context_ptr = std::unique_ptr<SSL_CTX, free_context>;

/// TLS 1.2 or later, for HTTP/2. Refused (invalid_argument), with a sentence that names the file,
/// when one cannot be read or does not fit.
result<context_ptr> make_server_context(const server_files& from);
result<context_ptr> make_client_context(const client_files& from);

/// A server's certificates, which may be replaced while it serves: the files are looked at again
/// when a connection comes, at most every second. Files that do not fit leave what was there, say
/// so in the log, and are tried again when they change, and every ten seconds. Any thread.
class certificates {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Refused as by make_server_context().
  static result<std::shared_ptr<certificates>> load(server_files from);

  /// For a connection that came at `now`; it keeps what it needs of the context.
  std::shared_ptr<SSL_CTX> current(time_point now);

private:
  certificates(server_files from, std::string print, context_ptr loaded);

  const server_files from_;
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
