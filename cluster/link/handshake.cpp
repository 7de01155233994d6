#include "cluster/link/handshake.hpp"

#include "cluster/link/frame.hpp"

#include <algorithm>

namespace reprise::link {

namespace {

constexpr std::size_t cluster_id_max = 64;
constexpr std::size_t name_max = 255;
constexpr std::size_t address_max = 320;
/// More room than anybody has; what is added to it does not run over.
constexpr std::uint64_t window_max = 1ULL << 40;

std::string range(std::uint32_t from, std::uint32_t to) {
  return std::to_string(from) + " to " + std::to_string(to);
}

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

const char* malformed(const Hello& said) {
  if (said.cluster_id().empty() || said.cluster_id().size() > cluster_id_max)
    return "its cluster id is missing or too long";
  if (said.incarnation() == 0)
    return "its incarnation is missing";
  if (said.role() < NODE || said.role() > OPERATOR)
    return "its role is missing or unknown";
  if (said.name().empty() || said.name().size() > name_max)
    return "its name is missing or too long";
  if (said.address().size() > address_max)
    return "its address is too long";
  if (said.version_min() == 0 || said.version_max() < said.version_min())
    return "its versions are no range";
  if (said.window_bytes_size() < static_cast<int>(lanes) || said.envelope_bytes_max() == 0
      || std::ranges::any_of(said.window_bytes(),
                             [](std::uint64_t w) { return w == 0 || w > window_max; }))
    return "it does not say what its lanes take";
  return nullptr;
}

/// A node needs a certificate for one, and an operator; with any other one can be a client.
std::optional<Farewell> judge(const Hello& said, const tls::shown_certificate& shown) {
  if (std::ranges::find(shown.names, said.name()) == shown.names.end())
    return farewell_of(Farewell::CERTIFICATE,
                       "its certificate is not for the name " + quoted(said.name()));
  auto role = role_name(said.role());
  if (said.role() != CLIENT && std::ranges::find(shown.units, role) == shown.units.end())
    return farewell_of(Farewell::CERTIFICATE, "its certificate does not say that it is of the role "
                                                + role + " (by its organizational unit)");
  return std::nullopt;
}

} // namespace

std::string role_name(Role role) {
  switch (role) {
    case NODE:
      return "node";
    case CLIENT:
      return "client";
    case OPERATOR:
      return "operator";
    default:
      return "unknown";
  }
}

Farewell farewell_of(Farewell::Reason why, std::string text) {
  Farewell out;
  out.set_reason(why);
  out.set_text(std::move(text));
  return out;
}

Hello hello_of(const identity& mine, const settings& with) {
  Hello out;
  out.set_cluster_id(mine.cluster_id);
  out.set_incarnation(mine.life);
  out.set_role(mine.role);
  out.set_version_min(mine.version_min);
  out.set_version_max(mine.version_max);
  out.set_name(mine.name);
  out.set_address(mine.address);
  for (const auto& l : with.lane)
    out.add_window_bytes(l.window_bytes);
  out.set_envelope_bytes_max(with.envelope_bytes_max);
  return out;
}

peer peer_of(const identity& mine, const Hello& said) {
  return {.life = said.incarnation(),
          .role = said.role(),
          .name = said.name(),
          .address = said.address(),
          .version = std::min(mine.version_max, said.version_max())};
}

std::optional<Farewell> judge(const identity& mine, const Hello& said,
                              const tls::shown_certificate* shown) {
  if (const auto* why = malformed(said))
    return farewell_of(Farewell::MALFORMED, why);
  if (said.cluster_id() != mine.cluster_id)
    return farewell_of(Farewell::OTHER_CLUSTER, "it is of cluster " + quoted(said.cluster_id())
                                                  + ", this one is of " + quoted(mine.cluster_id));
  if (said.version_max() < mine.version_min || said.version_min() > mine.version_max)
    return farewell_of(Farewell::VERSION,
                       "it speaks versions " + range(said.version_min(), said.version_max())
                         + " of the link, this one " + range(mine.version_min, mine.version_max));
  if (said.incarnation() == mine.life)
    return farewell_of(Farewell::MYSELF, "it is this process itself");
  if (said.name() == mine.name)
    return farewell_of(Farewell::SAME_NAME,
                       "it has this one's name, " + quoted(mine.name) + "; each needs its own");
  if (!mine.address.empty() && said.address() == mine.address)
    return farewell_of(Farewell::SAME_ADDRESS,
                       "it has this one's address, " + mine.address + "; each needs its own");
  if (said.role() != NODE && mine.role != NODE)
    return farewell_of(Farewell::ROLE, "neither is a node");
  return shown == nullptr ? std::nullopt : judge(said, *shown);
}

} // namespace reprise::link
