// Compressed requests: unpacked to the byte, within the limit, and nothing else.
#include "frontend/transport/gzip.hpp"

#include <doctest/doctest.h>

#include <zlib.h>

#include <random>

using namespace reprise;
using frontend::gunzip;

namespace {

std::string pack(std::string_view plain) {
  z_stream z{};
  constexpr int gzip_window = 15 + 16;
  constexpr int memory = 8;
  REQUIRE(deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, gzip_window, memory, Z_DEFAULT_STRATEGY)
          == Z_OK);
  std::string out(deflateBound(&z, plain.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::string noise(std::size_t n) {
  std::mt19937 random{static_cast<unsigned>(n)};
  std::string out(n, '\0');
  for (auto& c : out)
    c = static_cast<char>(random());
  return out;
}

} // namespace

TEST_CASE("what was packed comes back, of any size up to the limit") {
  constexpr std::size_t most = 100'000;
  for (std::size_t n : {0, 1, 4095, 4096, 4097, 8192, 50'000, 99'999, 100'000})
    for (const auto& plain : {std::string(n, 'x'), noise(n)}) {
      auto packed = pack(plain);
      auto r = gunzip(packed, most);
      REQUIRE_MESSAGE(r, n << ": " << (r ? "" : r.error().message));
      CHECK(*r == plain);
    }
}

TEST_CASE("a byte more than the limit is refused, and so are a hundred million") {
  for (std::size_t n : {100'001, 200'000, 100'000'000}) {
    auto r = gunzip(pack(std::string(n, '\0')), 100'000);
    REQUIRE(!r);
    CHECK(r.error().code == errc::resource_exhausted);
    CHECK(r.error().message.starts_with("grpc: received message larger than max ("));
  }
}

TEST_CASE("what is cut, changed, or goes on behind its end is no gzip") {
  auto packed = pack(noise(5000));
  for (std::size_t n = 0; n < packed.size(); n += n < 20 ? 1 : 97)
    CHECK(!gunzip(std::string_view{packed}.substr(0, n), 10'000));
  auto changed = packed;
  changed[packed.size() - 6] ^= 1; // its checksum
  CHECK(!gunzip(changed, 10'000));
  auto r = gunzip(packed + "x", 10'000);
  REQUIRE(!r);
  CHECK(r.error().code == errc::internal);
  CHECK(!gunzip("\x1f\x8b", 10));
}
