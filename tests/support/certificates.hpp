#pragma once

// Authorities and certificates of a test's own, as files.

#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <string>

namespace reprise::testing {

struct key_pair {
  std::string certificate{};
  std::string key{};
};

/// Signs certificates; its own stands in a file.
class authority {
public:
  authority(const temporary_folder& folder, const std::string& name)
    : folder_(folder), key_(make_key()), own_(make(name, *key_, true)) {
    path_ = write_certificate(name, *own_);
  }

  const std::string& path() const {
    return path_;
  }

  /// A certificate for `host` (a name, or "IP:127.0.0.1"), in files named after `name`. `unit` is
  /// its organizational one.
  key_pair sign(const std::string& name, const std::string& host, const std::string& unit = {}) {
    auto key = make_key();
    auto made = make(name, *key, false, host, unit);
    key_pair out{.certificate = write_certificate(name, *made), .key = folder_.file(name + ".key")};
    std::unique_ptr<std::FILE, closer> file{std::fopen(out.key.c_str(), "w")};
    REQUIRE(PEM_write_PrivateKey(file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr)
            == 1);
    return out;
  }

  /// The same key behind a pass phrase, in a file of this name.
  std::string lock(const key_pair& of, const std::string& name) {
    std::unique_ptr<std::FILE, closer> open{std::fopen(of.key.c_str(), "r")};
    pkey key{PEM_read_PrivateKey(open.get(), nullptr, nullptr, nullptr)};
    REQUIRE(key);
    auto path = folder_.file(name + ".key");
    std::unique_ptr<std::FILE, closer> file{std::fopen(path.c_str(), "w")};
    unsigned char phrase[] = "secret";
    REQUIRE(PEM_write_PrivateKey(file.get(), key.get(), EVP_aes_256_cbc(), phrase,
                                 sizeof phrase - 1, nullptr, nullptr)
            == 1);
    return path;
  }

private:
  struct closer {
    void operator()(std::FILE* f) const {
      std::fclose(f);
    }

    void operator()(EVP_PKEY* k) const {
      EVP_PKEY_free(k);
    }

    void operator()(X509* x) const {
      X509_free(x);
    }
  };

  using pkey = std::unique_ptr<EVP_PKEY, closer>;
  using x509 = std::unique_ptr<X509, closer>;

  static pkey make_key() {
    pkey made{EVP_EC_gen("P-256")};
    REQUIRE(made);
    return made;
  }

  x509 make(const std::string& name, EVP_PKEY& key, bool is_authority, const std::string& host = {},
            const std::string& unit = {}) {
    constexpr long day = 86'400;
    x509 made{X509_new()};
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -day);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), day);
    X509_set_pubkey(made.get(), &key);
    auto* subject = X509_get_subject_name(made.get());
    auto say = [subject](const char* what, const std::string& value) {
      X509_NAME_add_entry_by_txt(subject, what, MBSTRING_ASC,
                                 reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1, 0);
    };
    say("CN", name);
    if (!unit.empty())
      say("OU", unit);
    X509_set_issuer_name(made.get(), own_ ? X509_get_subject_name(own_.get()) : subject);
    extend(*made, NID_basic_constraints, is_authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (!host.empty())
      extend(*made, NID_subject_alt_name, (host.starts_with("IP:") ? host : "DNS:" + host).c_str());
    REQUIRE(X509_sign(made.get(), key_.get(), EVP_sha256()) > 0);
    return made;
  }

  static void extend(X509& to, int what, const char* value) {
    auto* extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value);
    REQUIRE(extension != nullptr);
    X509_add_ext(&to, extension, -1);
    X509_EXTENSION_free(extension);
  }

  std::string write_certificate(const std::string& name, X509& what) {
    auto path = folder_.file(name + ".pem");
    std::unique_ptr<std::FILE, closer> file{std::fopen(path.c_str(), "w")};
    REQUIRE(PEM_write_X509(file.get(), &what) == 1);
    return path;
  }

  const temporary_folder& folder_;
  long serial_ = 0;
  pkey key_;
  x509 own_;
  std::string path_;
};

} // namespace reprise::testing
