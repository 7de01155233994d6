#include "base/tls/session.hpp"

#include "base/ensure.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

namespace reprise::tls {

namespace {

bool is_address(const std::string& host) {
  in6_addr any{};
  return ::inet_pton(AF_INET, host.c_str(), &any) == 1
         || ::inet_pton(AF_INET6, host.c_str(), &any) == 1;
}

std::string text_of(const ASN1_STRING* from) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(from)),
          static_cast<std::size_t>(ASN1_STRING_length(from))};
}

std::vector<std::string> entries(const X509_NAME* of, int what) {
  std::vector<std::string> found;
  for (int at = X509_NAME_get_index_by_NID(of, what, -1); at >= 0;
       at = X509_NAME_get_index_by_NID(of, what, at))
    found.push_back(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(of, at))));
  return found;
}

void append_dns_names(const X509* of, std::vector<std::string>& to) {
  auto* names
    = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(of, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS)
      to.push_back(text_of(name->d.dNSName));
  }
  GENERAL_NAMES_free(names);
}

} // namespace

session::session(SSL_CTX* by)
  : ssl_(SSL_new(by)), in_(BIO_new(BIO_s_mem())), out_(BIO_new(BIO_s_mem())) {
  if (!ssl_ || in_ == nullptr || out_ == nullptr) {
    BIO_free(in_);
    BIO_free(out_);
    ENSURE(false, "no memory for TLS");
  }
  // When it is empty there may be more later: it is not the end.
  BIO_set_mem_eof_return(in_, -1);
  SSL_set_bio(ssl_.get(), in_, out_);
}

session session::accepted(SSL_CTX* by, std::size_t output_max) {
  session made{by};
  made.output_max_ = output_max;
  SSL_set_accept_state(made.ssl_.get());
  return made;
}

session session::connecting(SSL_CTX* by, const std::string& host) {
  session made{by};
  auto* ssl = made.ssl_.get();
  SSL_set_connect_state(ssl);
  if (is_address(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
  } else {
    SSL_set1_host(ssl, host.c_str());
    SSL_set_tlsext_host_name(ssl, host.c_str());
  }
  made.shake_hands();
  return made;
}

std::optional<shown_certificate> session::peer() const {
  std::unique_ptr<X509, decltype([](X509* x) { X509_free(x); })> shown{
    is_open_ ? SSL_get1_peer_certificate(ssl_.get()) : nullptr};
  if (!shown)
    return std::nullopt;
  const auto* subject = X509_get_subject_name(shown.get());
  shown_certificate out{.names = entries(subject, NID_commonName),
                        .units = entries(subject, NID_organizationalUnitName)};
  append_dns_names(shown.get(), out.names);
  return out;
}

/// False: it failed. True also while it waits for the other side.
bool session::shake_hands() {
  ERR_clear_error();
  auto done = SSL_do_handshake(ssl_.get());
  if (done == 1) {
    is_open_ = true;
    return true;
  }
  return SSL_get_error(ssl_.get(), done) == SSL_ERROR_WANT_READ || fail(done);
}

bool session::fail(int returned) {
  auto kind = SSL_get_error(ssl_.get(), returned);
  auto verified = SSL_get_verify_result(ssl_.get());
  auto code = ERR_get_error();
  const char* text = code == 0 ? nullptr : ERR_reason_error_string(code);
  if (kind == SSL_ERROR_ZERO_RETURN)
    failure_ = "the other side ended it";
  else if (verified != X509_V_OK)
    failure_ = X509_verify_cert_error_string(verified);
  else
    failure_ = text == nullptr ? "the protocol was broken" : text;
  ERR_clear_error();
  return false;
}

/// In pieces: the library's buffers keep the size that they once had.
bool session::receive(std::string_view bytes, std::string& plain) {
  if (!failure_.empty())
    return false;
  auto was_open = is_open_;
  while (!bytes.empty()) {
    auto piece = bytes.substr(0, record_max);
    if (!receive_piece(piece, plain))
      return false;
    bytes.remove_prefix(piece.size());
  }
  // Each try to shake hands once more is refused by an alert, and there may be any number of them.
  if (was_open && BIO_ctrl_pending(out_) > output_max_) {
    failure_ = "the other side asks, and does not read the answers";
    return false;
  }
  return true;
}

bool session::receive_piece(std::string_view bytes, std::string& plain) {
  ENSURE(BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()))
           == static_cast<int>(bytes.size()),
         "no memory for TLS");
  if (!is_open_ && !shake_hands())
    return false;
  std::array<char, record_max> buffer;
  while (is_open_) {
    ERR_clear_error();
    auto n = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
    if (n <= 0)
      return SSL_get_error(ssl_.get(), n) == SSL_ERROR_WANT_READ || fail(n);
    plain.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return true;
}

bool session::send(std::string_view plain, std::string& out) {
  if (!failure_.empty() || !is_open_)
    return false;
  while (!plain.empty()) {
    ERR_clear_error();
    auto size = std::min(plain.size(), record_max);
    auto n = SSL_write(ssl_.get(), plain.data(), static_cast<int>(size));
    if (n <= 0)
      return fail(n);
    plain.remove_prefix(static_cast<std::size_t>(n));
    take_output(out);
  }
  return true;
}

void session::take_output(std::string& out) {
  char* bytes = nullptr;
  auto size = BIO_get_mem_data(out_, &bytes);
  if (size <= 0)
    return;
  out.append(bytes, static_cast<std::size_t>(size));
  BIO_reset(out_);
}

void session::end() {
  if (failure_.empty() && is_open_)
    SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

} // namespace reprise::tls
