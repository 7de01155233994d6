// What a node is asked for to be one of several.
#include "cli/node_link.hpp"

#include "cli/words.hpp"
#include "tests/support/certificates.hpp"

#include <doctest/doctest.h>

#include <CLI/CLI.hpp>
#include <algorithm>

using namespace reprise;
using namespace reprise::cli;
using namespace reprise::testing;

namespace {

/// Empty: the arguments were taken.
std::string parse(std::vector<std::string> words, server_options& into) {
  CLI::App app{"test"};
  add_node(app, into);
  words = apart(words);
  std::reverse(words.begin(), words.end());
  words.push_back("node");
  try {
    app.parse(std::move(words));
  } catch (const CLI::ParseError& e) {
    return e.what();
  }
  auto fits = complete(*app.get_subcommand("node"), into);
  return fits ? "" : fits.error().message;
}

server_options linked(const std::string& address) {
  server_options o;
  o.what = server_options::kind::node;
  o.mysql = "mysql://u@h/db";
  o.link.address = address;
  return o;
}

std::string refusal(const server_options& o) {
  auto planned = plan_link(o);
  return planned ? "" : planned.error().message;
}

} // namespace

TEST_CASE("a node says by which address others reach it") {
  server_options o;
  CHECK(parse({"--mysql", "mysql://u@h/db", "--link", "node1.example:7240", "--link-listen",
               "0.0.0.0:7240", "--link-cert-path", "a.pem", "--link-key-path", "a.key",
               "--link-ca-path", "ca.pem"},
              o)
        == "");
  CHECK(o.link.address == "node1.example:7240");
  CHECK(o.link.listen == "0.0.0.0:7240");
  CHECK(o.link.certificate == "a.pem");
  CHECK(o.link.key == "a.key");
  CHECK(o.link.authorities == "ca.pem");
}

TEST_CASE("what makes no sense for a link is refused with what to do") {
  auto refused = [](const std::vector<std::string>& words, const std::string& part) {
    server_options o;
    auto said = parse(words, o);
    INFO(said);
    CHECK(said.find(part) != std::string::npos);
  };
  refused({"--db-filename", "a.db", "--link", "127.0.0.1:7240"}, "the same --mysql");
  refused({"--mysql", "mysql://u@h/db", "--link-listen", "127.0.0.1:7240"}, "without --link");
  refused({"--mysql", "mysql://u@h/db", "--link", "node1"}, "host:port");
  refused({"--mysql", "mysql://u@h/db", "--link", "node1:7240", "--link-listen", "7240"},
          "host:port");
  refused({"--mysql", "mysql://u@h/db", "--link", "node1:7240", "--link-cert-path", "a.pem"},
          "--link-ca-path");
}

TEST_CASE("beyond this machine nodes show each other certificates, or it is said to be insecure") {
  CHECK(refusal(linked("127.0.0.1:7240")) == "");
  CHECK(refusal(linked("[::1]:7240")) == "");
  auto open = linked("192.0.2.1:7240");
  CHECK(refusal(open).find("--insecure") != std::string::npos);
  open.insecure = true;
  CHECK(refusal(open) == "");
  // It is where it listens that others can reach.
  auto behind = linked("node1.invalid:7240");
  behind.link.listen = "0.0.0.0:7240";
  CHECK(refusal(behind).find("--insecure") != std::string::npos);
  behind.link.listen = "127.0.0.1:7240";
  CHECK(refusal(behind) == "");

  temporary_folder folder;
  authority ca{folder, "ca"};
  auto pair = ca.sign("node1", "node1.example", "node");
  behind.link.listen = "0.0.0.0:7240";
  behind.link.certificate = pair.certificate;
  behind.link.key = pair.key;
  behind.link.authorities = ca.path();
  auto planned = plan_link(behind);
  REQUIRE(planned);
  CHECK(planned->options.called_with);
  CHECK(planned->options.served_with);
  CHECK(planned->options.mine.name == "node1.invalid");
  behind.link.key = folder.file("none");
  CHECK(refusal(behind).find("none") != std::string::npos);
}

TEST_CASE("nodes on one machine have names of their own") {
  auto one = plan_link(linked("127.0.0.1:0"));
  auto two = plan_link(linked("127.0.0.1:0"));
  REQUIRE(one);
  REQUIRE(two);
  CHECK(one->options.mine.name != two->options.mine.name);
  CHECK(one->options.mine.life != two->options.mine.life);
  // Known when it listens.
  CHECK(one->options.mine.address.empty());
  auto named = linked("127.0.0.1:0");
  named.node_name = "a";
  CHECK(plan_link(named)->options.mine.name == "a");
}
