#include "frontend/transport/frame_guard.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

using namespace reprise::frontend;

namespace {

constexpr std::uint8_t data = 0;
constexpr std::uint8_t headers = 1;
constexpr std::uint8_t priority = 2;
constexpr std::uint8_t continuation = 9;

std::string frame(std::uint8_t type, std::uint8_t stream, std::size_t size) {
  std::string head{'\0',
                   static_cast<char>(size >> 8),
                   static_cast<char>(size & 0xFF),
                   static_cast<char>(type),
                   '\0',
                   '\0',
                   '\0',
                   '\0',
                   static_cast<char>(stream)};
  return head + std::string(size, 'x');
}

const std::string hello = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How many bytes pass, given in pieces of this size.
std::size_t passed(frame_guard& guard, const std::string& all, std::size_t piece) {
  std::size_t out = 0;
  for (std::size_t at = 0; at < all.size(); at += piece)
    out += guard.pass(std::string_view{all}.substr(at, piece));
  return out;
}

} // namespace

TEST_CASE("headers within the bound pass, however many there are and whatever comes between") {
  std::string all = hello;
  for (std::uint8_t stream = 1; stream < 9; stream += 2)
    all += frame(headers, stream, 600) + frame(continuation, stream, 400)
           + frame(data, stream, 9000);
  for (std::size_t piece : {1, 7, 100, 100'000}) {
    frame_guard guard{1000};
    CHECK(passed(guard, all, piece) == all.size());
    CHECK(guard.found() == frame_guard::verdict::fine);
  }
}

TEST_CASE("headers beyond the bound stop before the frame that passes it") {
  auto fits = hello + frame(headers, 1, 600) + frame(headers, 3, 500) + frame(continuation, 3, 500);
  auto all = fits + frame(continuation, 3, 1) + frame(data, 1, 10);
  for (std::size_t piece : {1, 7, 100, 100'000}) {
    frame_guard guard{1000};
    auto through = passed(guard, all, piece);
    CHECK(guard.found() == frame_guard::verdict::long_headers);
    CHECK(guard.offender() == 3);
    // In pieces, some of the frame's head has passed before it was known.
    CHECK(through >= fits.size());
    CHECK(through < fits.size() + 9);
    CHECK(guard.pass("more") == 0);
  }
  frame_guard whole{1000};
  CHECK(whole.pass(hello + frame(headers, 1, 1001)) == hello.size());
  CHECK(whole.offender() == 1);
}

TEST_CASE("a priority of no stream is broken, any other is fine") {
  frame_guard guard{1000};
  auto fits = hello + frame(priority, 5, 5);
  CHECK(guard.pass(fits) == fits.size());
  CHECK(guard.pass(frame(priority, 0, 5)) == 0);
  CHECK(guard.found() == frame_guard::verdict::broken);
}
