// TLS without a connection: two sides that hand each other bytes.
#include "base/tls/context.hpp"
#include "base/tls/session.hpp"
#include "tests/support/certificates.hpp"

#include <doctest/doctest.h>

#include <openssl/ssl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;

namespace {

struct world {
  temporary_folder folder{};
  authority trusted{folder, "trusted"};
  authority other{folder, "other"};
  key_pair server = trusted.sign("server", "reprise.test");
  key_pair client = trusted.sign("client", "client");

  tls::context_ptr server_side(const std::string& client_authorities = {}) const {
    auto made = tls::make_server_context({.certificate = server.certificate,
                                          .key = server.key,
                                          .client_authorities = client_authorities});
    REQUIRE_MESSAGE(made, (made ? "" : made.error().message));
    return std::move(*made);
  }

  tls::context_ptr client_side(const key_pair& shown = {}) const {
    auto made = tls::make_client_context(
      {.authorities = trusted.path(), .certificate = shown.certificate, .key = shown.key});
    REQUIRE_MESSAGE(made, (made ? "" : made.error().message));
    return std::move(*made);
  }
};

/// Hands over what one side has to say, `piece` bytes at a time. False: the other side is over.
bool deliver(tls::session& from, tls::session& to, std::string& plain, std::size_t piece = 1000) {
  std::string bytes;
  from.take_output(bytes);
  auto is_well = true;
  for (std::size_t at = 0; at < bytes.size() && is_well; at += piece)
    is_well = to.receive(std::string_view{bytes}.substr(at, piece), plain);
  return is_well;
}

/// Until both are open, or one is over.
bool shake_hands(tls::session& client, tls::session& server, std::size_t piece = 1000) {
  std::string nothing;
  for (int i = 0; i < 5; ++i)
    if (!deliver(client, server, nothing, piece) || !deliver(server, client, nothing, piece)) {
      deliver(server, client, nothing, piece);
      return false;
    }
  CHECK(nothing.empty());
  return client.is_open() && server.is_open();
}

} // namespace

TEST_CASE_FIXTURE(world, "two sides know each other and speak, however the bytes are cut") {
  auto contexts = std::pair{server_side(), client_side()};
  for (std::size_t piece : {1U, 7U, 1000U, 1U << 20}) {
    CAPTURE(piece);
    auto server = tls::session::accepted(contexts.first.get());
    auto client = tls::session::connecting(contexts.second.get(), "reprise.test");
    CHECK_FALSE(server.is_open());
    REQUIRE(shake_hands(client, server, piece));
    std::string said(100'000, 'a');
    std::string sealed;
    REQUIRE(client.send(said, sealed));
    CHECK(sealed.size() > said.size());
    CHECK(sealed.find("aaaa") == std::string::npos);
    std::string heard;
    for (std::size_t at = 0; at < sealed.size(); at += piece)
      REQUIRE(server.receive(std::string_view{sealed}.substr(at, piece), heard));
    CHECK(heard == said);
    // And back.
    sealed.clear();
    heard.clear();
    REQUIRE(server.send("good", sealed));
    REQUIRE(client.receive(sealed, heard));
    CHECK(heard == "good");
  }
}

TEST_CASE_FIXTURE(world, "nothing is said before the other side is known") {
  auto context = server_side();
  auto server = tls::session::accepted(context.get());
  std::string out;
  CHECK_FALSE(server.send("early", out));
  CHECK(out.empty());
}

TEST_CASE_FIXTURE(world, "bytes that are no TLS end it, and it says so") {
  auto context = server_side();
  for (std::string bytes : {std::string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}, std::string(500, '\0'),
                            std::string(70'000, '\xff')}) {
    auto server = tls::session::accepted(context.get());
    std::string plain;
    CHECK_FALSE(server.receive(bytes, plain));
    CHECK(plain.empty());
    CHECK_FALSE(server.failure().empty());
    CHECK_FALSE(server.receive("more", plain));
  }
  // In the middle of a connection.
  auto secret = client_side();
  auto server = tls::session::accepted(context.get());
  auto client = tls::session::connecting(secret.get(), "reprise.test");
  REQUIRE(shake_hands(client, server));
  std::string sealed;
  REQUIRE(client.send("it is", sealed));
  sealed.back() ^= 1;
  std::string plain;
  CHECK_FALSE(server.receive(sealed, plain));
  CHECK(plain.empty());
}

TEST_CASE_FIXTURE(world, "the certificate has to say what was called, and by whom it is") {
  auto context = server_side();
  auto secret = client_side();
  auto fails = [&](SSL_CTX* by, const std::string& host) {
    auto server = tls::session::accepted(context.get());
    auto client = tls::session::connecting(by, host);
    CHECK_FALSE(shake_hands(client, server));
    return client.failure();
  };
  CHECK(fails(secret.get(), "another.test").find("mismatch") != std::string::npos);
  CHECK(fails(secret.get(), "127.0.0.1").find("mismatch") != std::string::npos);
  auto stranger = tls::make_client_context({.authorities = other.path()});
  REQUIRE(stranger);
  CHECK(fails(stranger->get(), "reprise.test").find("issuer") != std::string::npos);
}

TEST_CASE_FIXTURE(world, "clients without the certificate that is asked for are not let in") {
  auto context = server_side(trusted.path());
  auto meets = [&](const key_pair& shown) {
    auto secret = client_side(shown);
    auto server = tls::session::accepted(context.get());
    auto client = tls::session::connecting(secret.get(), "reprise.test");
    return shake_hands(client, server) && server.failure().empty();
  };
  CHECK(meets(client));
  CHECK_FALSE(meets({}));
  CHECK_FALSE(meets(other.sign("stranger", "client")));
}

TEST_CASE_FIXTURE(world, "a side reads who the other one is in its certificate") {
  auto context = server_side(trusted.path());
  auto secret = client_side(trusted.sign("someone", "someone.test", "operator"));
  auto server = tls::session::accepted(context.get());
  auto client = tls::session::connecting(secret.get(), "reprise.test");
  CHECK_FALSE(server.peer());
  REQUIRE(shake_hands(client, server));
  auto shown = server.peer();
  REQUIRE(shown);
  CHECK(shown->names == std::vector<std::string>{"someone", "someone.test"});
  CHECK(shown->units == std::vector<std::string>{"operator"});
  REQUIRE(client.peer());
  CHECK(client.peer()->names == std::vector<std::string>{"server", "reprise.test"});
  CHECK(client.peer()->units.empty());
  // One that needs none sees none.
  auto open = server_side();
  auto lax = tls::session::accepted(open.get());
  auto nobody = client_side();
  auto caller = tls::session::connecting(nobody.get(), "reprise.test");
  REQUIRE(shake_hands(caller, lax));
  CHECK_FALSE(lax.peer());
}

TEST_CASE_FIXTURE(world,
                  "the doors of the API and of the link do not let in each other's callers") {
  auto made = tls::make_server_context(
    {.certificate = server.certificate, .key = server.key, .inside = tls::spoken::link});
  REQUIRE(made);
  auto meets = [&](tls::spoken inside) {
    auto secret = tls::make_client_context({.authorities = trusted.path(), .inside = inside});
    REQUIRE(secret);
    auto link = tls::session::accepted(made->get());
    auto caller = tls::session::connecting(secret->get(), "reprise.test");
    return shake_hands(caller, link);
  };
  CHECK(meets(tls::spoken::link));
  CHECK_FALSE(meets(tls::spoken::http2));
}

TEST_CASE_FIXTURE(world, "old versions and other protocols are not spoken") {
  auto context = server_side();
  auto meets = [&](auto&& change) {
    auto secret = client_side();
    change(secret.get());
    auto server = tls::session::accepted(context.get());
    auto client = tls::session::connecting(secret.get(), "reprise.test");
    return shake_hands(client, server);
  };
  CHECK(meets([](SSL_CTX* c) { SSL_CTX_set_max_proto_version(c, TLS1_2_VERSION); }));
  CHECK_FALSE(meets([](SSL_CTX* c) {
    SSL_CTX_set_min_proto_version(c, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(c, TLS1_1_VERSION);
  }));
  CHECK_FALSE(meets([](SSL_CTX* c) {
    constexpr std::array<unsigned char, 9> http1{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    SSL_CTX_set_alpn_protos(c, http1.data(), http1.size());
  }));
}

TEST_CASE_FIXTURE(world, "who asks again and again and does not read is over") {
  auto context = server_side();
  auto secret = client_side();
  SSL_CTX_set_max_proto_version(secret.get(), TLS1_2_VERSION);
  SSL_CTX_clear_options(secret.get(), SSL_OP_NO_RENEGOTIATION);
  constexpr std::size_t less_than_an_alert = 16;
  for (auto bound : {less_than_an_alert, tls::session::output_max_default}) {
    auto server = tls::session::accepted(context.get(), bound);
    std::unique_ptr<SSL, decltype([](SSL* s) { SSL_free(s); })> client{SSL_new(secret.get())};
    auto* in = BIO_new(BIO_s_mem());
    auto* out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(client.get(), in, out);
    SSL_set_connect_state(client.get());
    std::string plain;
    auto say = [&] {
      SSL_do_handshake(client.get());
      char* bytes = nullptr;
      auto size = BIO_get_mem_data(out, &bytes);
      auto goes_on = server.receive({bytes, static_cast<std::size_t>(size)}, plain);
      BIO_reset(out);
      return goes_on;
    };
    for (int i = 0; i < 4; ++i) {
      REQUIRE(say());
      std::string answer;
      server.take_output(answer);
      BIO_write(in, answer.data(), static_cast<int>(answer.size()));
    }
    REQUIRE(server.is_open());
    SSL_renegotiate(client.get());
    CHECK(say() == (bound != less_than_an_alert));
  }
}

TEST_CASE_FIXTURE(world, "what was said before the end is heard") {
  auto context = server_side();
  auto secret = client_side();
  auto server = tls::session::accepted(context.get());
  auto client = tls::session::connecting(secret.get(), "reprise.test");
  REQUIRE(shake_hands(client, server));
  std::string sealed;
  REQUIRE(client.send("a last word", sealed));
  client.end();
  client.take_output(sealed);
  std::string plain;
  CHECK_FALSE(server.receive(sealed, plain));
  CHECK(plain == "a last word");
}

TEST_CASE_FIXTURE(world, "an end that was said is no broken protocol") {
  auto context = server_side();
  auto secret = client_side();
  auto server = tls::session::accepted(context.get());
  auto client = tls::session::connecting(secret.get(), "reprise.test");
  REQUIRE(shake_hands(client, server));
  client.end();
  std::string plain;
  CHECK_FALSE(deliver(client, server, plain));
  CHECK(server.failure() == "the other side ended it");
}

TEST_CASE_FIXTURE(world, "a side that calls sees when its certificate was replaced, too") {
  std::filesystem::copy_file(client.certificate, folder.file("mine.pem"));
  std::filesystem::copy_file(client.key, folder.file("mine.key"));
  auto mine = tls::certificates::load_client({.authorities = trusted.path(),
                                              .certificate = folder.file("mine.pem"),
                                              .key = folder.file("mine.key")});
  REQUIRE(mine);
  auto context = server_side(trusted.path());
  auto shown_at = [&](tls::certificates::time_point now) {
    auto secret = (*mine)->current(now);
    auto side = tls::session::accepted(context.get());
    auto caller = tls::session::connecting(secret.get(), "reprise.test");
    REQUIRE(shake_hands(caller, side));
    return side.peer()->names.front();
  };
  tls::certificates::time_point now{1h};
  CHECK(shown_at(now) == "client");
  auto next = trusted.sign("next", "next");
  std::filesystem::rename(next.certificate, folder.file("mine.pem"));
  std::filesystem::rename(next.key, folder.file("mine.key"));
  CHECK(shown_at(now + 2s) == "next");
  CHECK_FALSE(tls::certificates::load_client({.authorities = "/no/such.pem"}));
}

TEST_CASE_FIXTURE(world, "files that do not fit are named") {
  auto refusal = [](const tls::server_files& files) {
    auto made = tls::certificates::load(files);
    REQUIRE_FALSE(made);
    CHECK(made.error().code == errc::invalid_argument);
    return made.error().message;
  };
  CHECK(refusal({.certificate = server.certificate}).find("--tls-key-path") != std::string::npos);
  CHECK(refusal({.certificate = "/no/such.pem", .key = server.key}).find("/no/such.pem")
        != std::string::npos);
  CHECK(refusal({.certificate = server.certificate, .key = server.certificate})
          .find("private key " + server.certificate)
        != std::string::npos);
  CHECK(refusal({.certificate = server.certificate, .key = client.key}).find("key values mismatch")
        != std::string::npos);
  CHECK(refusal(
          {.certificate = server.certificate, .key = server.key, .client_authorities = server.key})
          .find("authorities " + server.key)
        != std::string::npos);
  CHECK(refusal({.certificate = "/no/such.pem", .key = server.key}).find("No such file")
        != std::string::npos);
  CHECK(refusal({.certificate = server.certificate, .key = folder.path()}).find("no file")
        != std::string::npos);
  CHECK(refusal({.certificate = server.certificate, .key = trusted.lock(server, "locked")})
          .find("pass phrase")
        != std::string::npos);
  // Nor is a terminal asked for its pass phrase, where there is one.
  auto answers_itself = SSL_CTX_get_default_passwd_cb(server_side().get()) != nullptr;
  CHECK(answers_itself);
  auto half
    = tls::make_client_context({.authorities = trusted.path(), .certificate = client.certificate});
  CHECK_FALSE(half);
}

TEST_CASE_FIXTURE(world,
                  "files that are replaced are read anew, and those that do not fit are not") {
  auto loaded = tls::certificates::load({.certificate = server.certificate, .key = server.key});
  REQUIRE(loaded);
  auto& kept = **loaded;
  auto now = std::chrono::steady_clock::now();
  auto first = kept.current(now);
  CHECK(kept.current(now + 2s) == first);
  auto next = trusted.sign("next", "reprise.test");
  std::filesystem::rename(next.certificate, server.certificate);
  // Not looked at so soon.
  CHECK(kept.current(now + 2s + 500ms) == first);
  // The key is still the old one's.
  CHECK(kept.current(now + 4s) == first);
  std::filesystem::rename(next.key, server.key);
  auto second = kept.current(now + 6s);
  CHECK(second != first);
  std::ofstream{server.key} << "nothing that is a key";
  CHECK(kept.current(now + 8s) == second);
  std::filesystem::remove(server.key);
  CHECK(kept.current(now + 10s) == second);
  // One that never ends is no file.
  REQUIRE(::mkfifo(server.key.c_str(), 0600) == 0);
  CHECK(kept.current(now + 12s) == second);
  // What could not be read for a while is read later, though it is the same.
  std::filesystem::remove(server.key);
  auto last = trusted.sign("last", "reprise.test");
  std::filesystem::rename(last.certificate, server.certificate);
  std::filesystem::create_hard_link(last.key, server.key);
  auto third = kept.current(now + 14s);
  CHECK(third != second);
}
