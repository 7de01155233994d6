// What gRPC says on top of HTTP/2: timeouts, trailers, messages in their frames.
#include "frontend/transport/grpc_wire.hpp"

#include "frontend/transport/stream.hpp"

#include <doctest/doctest.h>

#include <zlib.h>

using namespace reprise;
using namespace reprise::frontend;
using namespace std::chrono_literals;

namespace {

std::string framed(std::string_view message, bool packed = false) {
  auto head = message_head(message.size());
  head[0] = packed ? 1 : 0;
  return head + std::string{message};
}

std::string gzip(const std::string& plain) {
  z_stream z{};
  REQUIRE(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&z, plain.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(out.size() - z.avail_out);
  deflateEnd(&z);
  return out;
}

/// The next message; "none" or the error's text when there is none.
std::string next(message_reader& from) {
  auto r = from.next();
  if (!r)
    return r.error().message;
  return *r ? std::string{**r} : "none";
}

} // namespace

TEST_CASE("a timeout is up to eight digits and a unit") {
  CHECK(parse_timeout("1H") == 1h);
  CHECK(parse_timeout("70S") == 70s);
  CHECK(parse_timeout("2M") == 2min);
  CHECK(parse_timeout("100m") == 100ms);
  CHECK(parse_timeout("99999999u") == 99'999'999us);
  CHECK(parse_timeout("0n") == 0ns);
  for (const auto* none : {"", "1", "S", "1s", "-1S", "+1S", " 1S", "1.5S", "123456789S", "1SS"})
    CHECK_MESSAGE(!parse_timeout(none), none);
  // As far off as can be said, and added to the time of day it still can be.
  for (const auto* long_one : {"99999999H", "99999999M"}) {
    auto far = parse_timeout(long_one);
    REQUIRE(far);
    CHECK(*far > 24h * 365 * 100);
    auto now = std::chrono::system_clock::now();
    CHECK(now + *far > now);
  }
}

TEST_CASE("a status text is plain ASCII, the rest in percent") {
  CHECK(percent_encode("not found: 50% (a~b)") == "not found: 50%25 (a~b)");
  CHECK(percent_encode("\xc3\xa4\n") == "%C3%A4%0A");
  CHECK(percent_encode("").empty());
}

TEST_CASE("binary trailers are base64 without padding") {
  CHECK(base64_encode("").empty());
  CHECK(base64_encode("f") == "Zg");
  CHECK(base64_encode("fo") == "Zm8");
  CHECK(base64_encode("foo") == "Zm9v");
  CHECK(base64_encode("foobar") == "Zm9vYmFy");
  CHECK(base64_encode("\xff\xfe\xfb") == "//77");
}

TEST_CASE("a failure's trailers fit into what clients take, whatever it says") {
  error why{.code = errc::not_found, .message = "gone", .detail_type = "t", .detail = "d"};
  auto t = to_trailers(why);
  CHECK(t.status == "5");
  CHECK(t.message == "gone");
  CHECK_FALSE(t.details.empty());
  for (const auto* piece : {"x", "%", "\xc3\xa4", "\xf0\x9f\x92\xa9"})
    for (std::size_t detail : {0, 100, 2000, 5000}) {
      why.message.clear();
      for (int i = 0; i < 5000; ++i)
        why.message += piece;
      why.detail = std::string(detail, 'd');
      t = to_trailers(why);
      CHECK(t.message.size() + t.details.size() <= 7000);
      CHECK(t.message.size() > 500);
    }
}

TEST_CASE("messages are cut out wherever the pieces end") {
  auto bytes = framed("first") + framed("") + framed(std::string(300, 'x'));
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    message_reader in{1000};
    std::vector<std::string> got;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      REQUIRE(in.feed(std::string_view{bytes}.substr(at, piece)));
      for (auto m = next(in); m != "none"; m = next(in))
        got.push_back(m);
    }
    CHECK(got == std::vector<std::string>{"first", "", std::string(300, 'x')});
    CHECK(in.empty());
  }
}

TEST_CASE("a message that says it is too long is refused before it comes") {
  message_reader in{1000};
  CHECK(in.feed(message_head(1000)));
  message_reader other{1000};
  auto r = other.feed(message_head(1001));
  REQUIRE(!r);
  CHECK(r.error().code == errc::resource_exhausted);
  CHECK(r.error().message == "grpc: received message larger than max (1001 vs. 1000)");
  // Behind another one, too.
  message_reader second{1000};
  REQUIRE(second.feed(framed("a") + message_head(1001)));
  CHECK(next(second) == "a");
  CHECK(next(second).starts_with("grpc: received message larger than max ("));
}

TEST_CASE("bytes behind the only message of a call are refused as soon as they come") {
  message_reader in{1000};
  in.expect_one();
  REQUIRE(in.feed(framed("one").substr(0, 7)));
  CHECK(next(in) == "none");
  REQUIRE(in.feed("e"));
  auto more = in.feed("!");
  REQUIRE(!more);
  CHECK(more.error().code == errc::internal);
  message_reader empty{1000};
  empty.expect_one();
  CHECK(empty.feed(framed("")));
  CHECK(!empty.feed(framed("")));
  message_reader many{1000};
  CHECK(many.feed(framed("one") + framed("two")));
}

TEST_CASE("packed messages are unpacked as their call says, within the limit") {
  message_reader in{1000};
  in.set_encoding("gzip");
  REQUIRE(in.feed(framed(gzip("one"), true) + framed("two") + framed(gzip("three"), true)));
  CHECK(next(in) == "one");
  CHECK(next(in) == "two");
  CHECK(next(in) == "three");
  REQUIRE(in.feed(framed(gzip(std::string(1001, '\0')), true)));
  CHECK(next(in).starts_with("grpc: received message larger than max ("));
  for (const auto* encoding : {"", "identity", "snappy"}) {
    message_reader other{1000};
    other.set_encoding(encoding);
    REQUIRE(other.feed(framed(gzip("one"), true)));
    CHECK(next(other).find("Decompressor is not installed") != std::string::npos);
  }
}

TEST_CASE("of a call that lasts, the requests that were given out are let go") {
  message_reader r{1000};
  for (int i = 0; i < 100'000; ++i) {
    REQUIRE(r.feed(framed("many")));
    CHECK(next(r) == "many");
    r.forget_given();
    CHECK(r.size() == 0);
  }
}

TEST_CASE("what is still to be sent goes out in its order, in pieces of any size") {
  for (std::size_t piece = 1; piece < 12; ++piece) {
    outgoing o;
    o.push("abc");
    o.push("");
    o.push("defgh");
    std::string out;
    while (o.size() > 0)
      o.move_to(out, std::min(piece, o.size()));
    CHECK(out == "abcdefgh");
    o.push("i");
    o.move_to(out, 1);
    CHECK(out == "abcdefghi");
  }
}

TEST_CASE("of a call that never has nothing to send, what was sent is let go") {
  outgoing o;
  std::string out;
  std::size_t most = 0;
  o.push("first");
  for (int i = 0; i < 100'000; ++i) {
    o.push("more");
    o.move_to(out, 4);
    CHECK(o.size() == 5);
    out.clear();
    most = std::max(most, o.parts());
  }
  CHECK(most < 200);
}
