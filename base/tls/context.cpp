#include "base/tls/context.hpp"

#include "base/log.hpp"

#include <openssl/err.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace reprise::tls {

namespace {

constexpr auto looks_apart = std::chrono::seconds{1};
constexpr auto tries_apart = std::chrono::seconds{10};

/// Those of TLS 1.2 that HTTP/2 allows (RFC 9113, appendix A); later versions have no others.
constexpr const char* ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

/// As both sides name to each other what they speak.
using protocol_name = std::span<const unsigned char>;
constexpr std::array<unsigned char, 3> h2{2, 'h', '2'};
constexpr std::array<unsigned char, 13> node_link{12,  'r', 'e', 'p', 'r', 'i', 's',
                                                  'e', '-', 'l', 'i', 'n', 'k'};
constexpr std::array<protocol_name, 2> protocols{h2, node_link};

const protocol_name& name_of(spoken inside) {
  return protocols[static_cast<std::size_t>(inside)];
}

/// The library's reason, of which the first is the one that caused the others.
std::string reason() {
  auto code = ERR_get_error();
  ERR_clear_error();
  if (ERR_SYSTEM_ERROR(code))
    return std::strerror(ERR_GET_REASON(code));
  const char* text = code == 0 ? nullptr : ERR_reason_error_string(code);
  return text == nullptr ? "no reason is known" : text;
}

error unfit(const char* what, const std::string& file) {
  return make_error(errc::invalid_argument,
                    std::string{what} + " " + file + " cannot be used: " + reason());
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned int in_size, void* served) {
  const auto& ours = *static_cast<const protocol_name*>(served);
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, ours.data(), static_cast<unsigned>(ours.size()), in,
                            in_size)
      != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

/// A key that is locked is refused: the library would ask the terminal, and wait.
int no_pass_phrase(char*, int, int, void* was_asked) {
  if (was_asked != nullptr)
    *static_cast<bool*>(was_asked) = true;
  return -1;
}

/// What is no file may never end, or never begin.
result<void> check_file(const char* what, const std::string& file) {
  struct stat is{};
  if (::stat(file.c_str(), &is) != 0)
    return make_error(errc::invalid_argument,
                      std::string{what} + " " + file + " cannot be used: " + std::strerror(errno));
  if (!S_ISREG(is.st_mode))
    return make_error(errc::invalid_argument,
                      std::string{what} + " " + file + " cannot be used: it is no file");
  return {};
}

result<context_ptr> make_context(const SSL_METHOD* method) {
  ERR_clear_error();
  context_ptr made{SSL_CTX_new(method)};
  if (!made || SSL_CTX_set_min_proto_version(made.get(), TLS1_2_VERSION) != 1
      || SSL_CTX_set_cipher_list(made.get(), ciphers) != 1)
    return make_error(errc::internal, "TLS cannot be had: " + reason());
  // Whoever was let in once is asked again: authorities may have changed meanwhile.
  SSL_CTX_set_session_cache_mode(made.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(made.get(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION
                                    | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_num_tickets(made.get(), 0);
  SSL_CTX_set_default_passwd_cb(made.get(), no_pass_phrase);
  // Memory of a connection that says nothing: a server has very many.
  SSL_CTX_set_mode(made.get(), SSL_MODE_RELEASE_BUFFERS);
  return made;
}

result<void> show(SSL_CTX* c, const std::string& certificate, const std::string& key) {
  for (auto [what, file] :
       {std::pair{"the certificate", &certificate}, std::pair{"the private key", &key}})
    if (auto ok = check_file(what, *file); !ok)
      return ok;
  if (SSL_CTX_use_certificate_chain_file(c, certificate.c_str()) != 1)
    return unfit("the certificate", certificate);
  auto is_locked = false;
  SSL_CTX_set_default_passwd_cb_userdata(c, &is_locked);
  auto fits = SSL_CTX_use_PrivateKey_file(c, key.c_str(), SSL_FILETYPE_PEM) == 1;
  SSL_CTX_set_default_passwd_cb_userdata(c, nullptr);
  if (is_locked) {
    ERR_clear_error();
    return make_error(errc::invalid_argument,
                      "the private key " + key + " cannot be used: it is behind a pass phrase");
  }
  // Which also sees whether it is that of the certificate.
  if (!fits)
    return unfit("the private key", key);
  return {};
}

/// What changes when a file is replaced, by whichever way it is.
std::string print_of(const std::string& file) {
  if (file.empty())
    return {};
  struct stat is{};
  if (::stat(file.c_str(), &is) != 0)
    return "-";
  return std::to_string(is.st_dev) + " " + std::to_string(is.st_ino) + " "
         + std::to_string(is.st_size) + " " + std::to_string(is.st_mtim.tv_sec) + "."
         + std::to_string(is.st_mtim.tv_nsec) + " " + std::to_string(is.st_ctim.tv_sec) + "."
         + std::to_string(is.st_ctim.tv_nsec) + ";";
}

std::string print_of(const std::vector<std::string>& files) {
  std::string all;
  for (const auto& file : files)
    all += print_of(file);
  return all;
}

} // namespace

result<context_ptr> make_server_context(const server_files& from) {
  if (from.certificate.empty() || from.key.empty())
    return make_error(errc::invalid_argument,
                      "TLS needs both a certificate and its private key (--tls-cert-path and "
                      "--tls-key-path)");
  auto made = make_context(TLS_server_method());
  if (!made)
    return made;
  auto* c = made->get();
  SSL_CTX_set_alpn_select_cb(c, choose_protocol, const_cast<protocol_name*>(&name_of(from.inside)));
  if (auto shown = show(c, from.certificate, from.key); !shown)
    return std::move(shown).error();
  if (from.client_authorities.empty())
    return made;
  if (auto ok = check_file("the file of authorities", from.client_authorities); !ok)
    return std::move(ok).error();
  auto* names = SSL_load_client_CA_file(from.client_authorities.c_str());
  if (names == nullptr
      || SSL_CTX_load_verify_locations(c, from.client_authorities.c_str(), nullptr) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return unfit("the file of authorities", from.client_authorities);
  }
  SSL_CTX_set_client_CA_list(c, names);
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return made;
}

result<context_ptr> make_client_context(const client_files& from) {
  auto made = make_context(TLS_client_method());
  if (!made)
    return made;
  auto* c = made->get();
  const auto& ours = name_of(from.inside);
  SSL_CTX_set_alpn_protos(c, ours.data(), static_cast<unsigned>(ours.size()));
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER, nullptr);
  if (!from.authorities.empty())
    if (auto ok = check_file("the file of authorities", from.authorities); !ok)
      return std::move(ok).error();
  auto trusts = from.authorities.empty()
                  ? SSL_CTX_set_default_verify_paths(c)
                  : SSL_CTX_load_verify_locations(c, from.authorities.c_str(), nullptr);
  if (trusts != 1)
    return unfit("the file of authorities", from.authorities);
  if (from.certificate.empty() != from.key.empty())
    return make_error(errc::invalid_argument,
                      "a client's certificate needs its private key, and the other way round "
                      "(--tls-cert-path and --tls-key-path)");
  if (!from.certificate.empty())
    if (auto shown = show(c, from.certificate, from.key); !shown)
      return std::move(shown).error();
  return made;
}

certificates::certificates(std::vector<std::string> files, maker make, std::string print,
                           context_ptr loaded)
  : files_(std::move(files)),
    make_(std::move(make)),
    loaded_(std::shared_ptr<SSL_CTX>{loaded.release(), free_context{}}),
    print_(std::move(print)) {
}

result<std::shared_ptr<certificates>> certificates::load(std::vector<std::string> files,
                                                         maker make) {
  // Before they are read: what changes meanwhile is read again.
  auto print = print_of(files);
  auto made = make();
  if (!made)
    return std::move(made).error();
  return std::shared_ptr<certificates>{
    new certificates{std::move(files), std::move(make), std::move(print), std::move(*made)}};
}

result<std::shared_ptr<certificates>> certificates::load(server_files from) {
  std::vector<std::string> files{from.certificate, from.key, from.client_authorities};
  return load(std::move(files), [from = std::move(from)] { return make_server_context(from); });
}

result<std::shared_ptr<certificates>> certificates::load_client(client_files from) {
  std::vector<std::string> files{from.certificate, from.key, from.authorities};
  return load(std::move(files), [from = std::move(from)] { return make_client_context(from); });
}

std::shared_ptr<SSL_CTX> certificates::current(time_point now) {
  std::lock_guard lock{mutex_};
  if (looked_ != time_point{} && now - looked_ < looks_apart)
    return loaded_;
  looked_ = now;
  auto print = print_of(files_);
  auto is_known = print == unfit_print_;
  if (print == print_ || (is_known && now - tried_ < tries_apart))
    return loaded_;
  tried_ = now;
  auto made = make_();
  if (made) {
    loaded_ = std::shared_ptr<SSL_CTX>{made->release(), free_context{}};
    print_ = std::move(print);
    unfit_print_.clear();
    log(log_level::info, "certificates were read anew");
  } else if (!is_known) {
    unfit_print_ = std::move(print);
    log(log_level::error,
        {"certificates were replaced, and the old ones are kept: ", made.error().message});
  }
  return loaded_;
}

} // namespace reprise::tls
