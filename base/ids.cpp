#include "base/ids.hpp"

#include <random>

namespace reprise {

namespace {

constexpr char hex_digits[] = "0123456789abcdef";

std::int64_t milliseconds_of(time_point now) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
}

constexpr std::uint64_t low48 = 0xffff'ffff'ffff;

char* put_hex(char* at, std::uint64_t bits, int digits) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4)
    *at++ = hex_digits[(bits >> shift) & 0xf];
  return at;
}

/// The first 48 bits, the 16 with the version, and the rest, of which 62 bits are taken (RFC 9562).
std::string text_of(std::uint64_t first, std::uint64_t versioned, std::uint64_t rest) {
  std::string out(36, '-');
  auto* at = put_hex(out.data(), first >> 16, 8) + 1;
  at = put_hex(at, first & 0xffff, 4) + 1;
  at = put_hex(at, versioned, 4) + 1;
  at = put_hex(at, 0x8000 | (rest >> 50), 4) + 1;
  put_hex(at, rest & low48, 12);
  return out;
}

} // namespace

std::string id_source::uuid7(time_point now) {
  auto millis = static_cast<std::uint64_t>(milliseconds_of(now)) & low48;
  auto first = random();
  return text_of(millis, 0x7000 | (first & 0xfff), random());
}

std::string id_source::uuid4() {
  auto first = random();
  return text_of(first >> 16, 0x4000 | (first & 0xfff), random());
}

seeded_ids::seeded_ids(std::uint64_t seed) : state_(seed) {
}

std::uint64_t seeded_ids::random() {
  // SplitMix64 (Steele, Lea, Flood 2014): one addition and a mix; any seed is a good seed.
  state_ += 0x9e3779b97f4a7c15ULL;
  auto z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

std::uint64_t random_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

bool is_uuid(std::string_view text) noexcept {
  if (text.size() != 36)
    return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')
               || (text[i] >= 'A' && text[i] <= 'F');
    if (dash ? text[i] != '-' : !hex)
      return false;
  }
  return true;
}

} // namespace reprise
