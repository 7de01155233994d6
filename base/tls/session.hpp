#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reprise::tls {

/// What the other side's certificate says of it.
struct shown_certificate {
  /// Its common name, and the DNS names that it is for.
  std::vector<std::string> names{};
  /// Its organizational units.
  std::vector<std::string> units{};
};

/// One connection's TLS, without the connection: bytes go in and come out. Not thread-safe.
///
/// Whoever has it sends what take_output() gives, in that order, whenever something went in.
class session {
public:
  /// What the protocol may have to say without that somebody takes it: a client that makes a
  /// server answer and does not read ends its connection. Handshakes do not count.
  static constexpr std::size_t output_max_default = 64U << 10;

  /// The side that was called. `by` is a server's.
  static session accepted(SSL_CTX* by, std::size_t output_max = output_max_default);
  /// The side that calls; `host` (a name or an address) is what the certificate has to say.
  static session connecting(SSL_CTX* by, const std::string& host);

  /// Takes what the other side sent, and appends what it says to `plain`. False: the connection is
  /// over, and what is to be sent still says why; nothing more may be given. What it said before is
  /// in `plain` all the same.
  [[nodiscard]] bool receive(std::string_view bytes, std::string& plain);

  /// Appends to `out` what becomes of `plain`, a record for at most record_max of it. Not before
  /// is_open(). False: the connection is over.
  [[nodiscard]] bool send(std::string_view plain, std::string& out);

  /// Appends to `out` what the protocol itself has to say.
  void take_output(std::string& out);

  /// Says that nothing more will be sent.
  void end();

  /// Both sides know each other: something may be sent.
  bool is_open() const noexcept {
    return is_open_;
  }

  /// Once it is open; nothing when the other side showed no certificate.
  std::optional<shown_certificate> peer() const;

  /// Why it is over, for a log or an error; empty while it is not.
  const std::string& failure() const noexcept {
    return failure_;
  }

  static constexpr std::size_t record_max = 16U << 10;

private:
  struct free_session {
    void operator()(SSL* s) const noexcept {
      SSL_free(s);
    }
  };

  explicit session(SSL_CTX* by);
  bool receive_piece(std::string_view bytes, std::string& plain);
  bool shake_hands();
  bool fail(int returned);

  std::unique_ptr<SSL, free_session> ssl_;
  /// Owned by ssl_.
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
  std::size_t output_max_ = output_max_default;
  bool is_open_ = false;
  std::string failure_;
};

} // namespace reprise::tls
