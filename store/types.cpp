#include "store/types.hpp"

namespace reprise::store {

namespace {

constexpr std::uint64_t fnv_offset = 14695981039346656037ULL;
constexpr std::uint64_t fnv_prime = 1099511628211ULL;

std::uint64_t mix(std::uint64_t hash, const std::string& text) noexcept {
  for (unsigned char c : text)
    hash = (hash ^ c) * fnv_prime;
  return hash;
}

} // namespace

slot_id slot_of(const std::string& namespace_id, machine_kind kind,
                const std::string& id) noexcept {
  auto hash = fnv_offset;
  if (kind != machine_kind::workflow)
    hash = (hash ^ static_cast<std::uint64_t>(kind)) * fnv_prime;
  hash = mix(hash, namespace_id);
  hash = (hash ^ 0U) * fnv_prime;
  hash = mix(hash, id);
  // The low bits of FNV alone are weak for short ids; fold the high half in.
  return static_cast<slot_id>((hash ^ (hash >> 32)) % slot_count);
}

} // namespace reprise::store
