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

constexpr std::uint8_t last = 4;

std::string frame(std::uint8_t type, std::uint8_t stream, std::size_t size,
                  std::uint8_t flags = 0) {
  std::string head{'\0',
                   static_cast<char>(size >> 8),
                   static_cast<char>(size & 0xFF),
                   static_cast<char>(type),
                   static_cast<char>(flags),
                   '\0',
                   '\0',
                   '\0',
                   static_cast<char>(stream)};
  return head + std::string(size, 'x');
}

const std::string hello = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What passes, given in pieces of this size.
std::string passed(frame_guard& guard, const std::string& all, std::size_t piece) {
  std::string out;
  for (std::size_t at = 0; at < all.size(); at += piece)
    out += guard.pass(std::string_view{all}.substr(at, piece));
  return out;
}

constexpr std::size_t pieces[] = {1, 7, 100, 1000, 100'000};

} // namespace

TEST_CASE("headers within the bound pass, however many there are and whatever comes between") {
  std::string all = hello;
  for (std::uint8_t stream = 1; stream < 9; stream += 2)
    all += frame(headers, stream, 600) + frame(continuation, stream, 291)
           + frame(continuation, stream, 91, last) + frame(data, stream, 9000)
           + frame(headers, stream, 999, last);
  for (auto piece : pieces) {
    frame_guard guard{1000};
    CHECK(passed(guard, all, piece) == all);
    CHECK(guard.found() == frame_guard::verdict::fine);
  }
}

TEST_CASE("headers in several frames pass when they are whole") {
  frame_guard guard{1000};
  auto before = hello + frame(data, 1, 10);
  auto block = frame(headers, 3, 600) + frame(continuation, 3, 0)
               + frame(continuation, 3, 382, last);
  CHECK(guard.pass(before + block.substr(0, block.size() - 1)) == before);
  CHECK(guard.pass(block.substr(block.size() - 1) + "x") == block + "x");
}

TEST_CASE("of headers beyond the bound nothing passes, nor of what follows") {
  auto fits = hello + frame(headers, 1, 600, last) + frame(data, 1, 10);
  auto long_ones = frame(headers, 3, 500) + frame(continuation, 3, 500)
                   + frame(continuation, 3, 1, last);
  for (auto piece : pieces) {
    frame_guard guard{1000};
    auto through = passed(guard, fits + long_ones + frame(data, 1, 10), piece);
    CHECK(guard.found() == frame_guard::verdict::long_headers);
    CHECK(guard.offender() == 3);
    // In pieces, some of the first frame's head has passed before it was known.
    CHECK((fits + long_ones).starts_with(through));
    CHECK(through.size() >= fits.size());
    CHECK(through.size() < fits.size() + 9);
    CHECK(guard.pass("more").empty());
  }
  frame_guard whole{1000};
  CHECK(whole.pass(hello + frame(headers, 1, 1001, last)) == hello);
  CHECK(whole.offender() == 1);
}

TEST_CASE("between the parts of headers nothing else may come") {
  constexpr std::uint8_t unknown = 0x16;
  for (const auto& other : {frame(data, 3, 1), frame(unknown, 0, 8), frame(headers, 5, 1, last),
                            frame(continuation, 5, 1, last)})
    for (auto piece : pieces) {
      frame_guard guard{1000};
      passed(guard, hello + frame(headers, 3, 10) + other, piece);
      CHECK(guard.found() == frame_guard::verdict::broken);
    }
}

TEST_CASE("headers in parts that hold nothing come to an end") {
  frame_guard guard{1000};
  guard.pass(hello + frame(headers, 3, 10));
  auto parts = 0;
  for (; guard.found() == frame_guard::verdict::fine && parts < 1000; ++parts)
    guard.pass(frame(continuation, 3, 0));
  CHECK(guard.found() == frame_guard::verdict::long_headers);
  CHECK(parts == 111);
}

TEST_CASE("calls have odd numbers") {
  for (std::uint8_t stream : {0, 2}) {
    frame_guard guard{1000};
    guard.pass(hello + frame(headers, stream, 10, last));
    CHECK(guard.found() == frame_guard::verdict::broken);
  }
}

TEST_CASE("a priority of no stream is broken, any other is fine") {
  frame_guard guard{1000};
  auto fits = hello + frame(priority, 5, 5);
  CHECK(guard.pass(fits) == fits);
  CHECK(guard.pass(frame(priority, 0, 5)).empty());
  CHECK(guard.found() == frame_guard::verdict::broken);
}
