#pragma once

#include "base/tls/session.hpp"
#include "cluster/link/settings.hpp"
#include "protocol/link.pb.h"

#include <cstdint>
#include <optional>
#include <string>

namespace reprise::link {

/// Who a process is to others.
struct identity {
  std::string cluster_id{};
  incarnation life = 0;
  Role role = NODE;
  /// With TLS: one of the names in its certificate.
  std::string name{};
  /// Where others reach it; empty: nowhere.
  std::string address{};
  /// What it speaks; other than this program's own in tests.
  std::uint32_t version_min = link::version_min;
  std::uint32_t version_max = link::version_max;
};

/// Who the other side is, once both agreed.
struct peer {
  incarnation life = 0;
  Role role = ROLE_UNSPECIFIED;
  std::string name{};
  std::string address{};
  std::uint32_t version = 0;
};

Hello hello_of(const identity& mine, const settings& with);
peer peer_of(const identity& mine, const Hello& said);

/// Why `mine` does not speak with who said that; nothing: it does. `shown` is the certificate;
/// null: without TLS, and then nobody can be held to what he says.
std::optional<Farewell> judge(const identity& mine, const Hello& said,
                              const tls::shown_certificate* shown);

Farewell farewell_of(Farewell::Reason why, std::string text);

/// As certificates name it in their organizational unit.
std::string role_name(Role role);

} // namespace reprise::link
