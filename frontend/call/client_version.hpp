#pragma once

#include "base/result.hpp"
#include "frontend/call/call.hpp"

#include <map>
#include <string>

namespace reprise::frontend {

/// The clients whose versions are checked, and the versions that are supported ("<2.0.0").
const std::map<std::string, std::string>& supported_clients();

/// Refuses a client whose headers name a version that this server does not support, or that does
/// not support this server. Clients that say nothing, or are not known, are served.
result<void> check_client_version(const headers& said, const std::string& server_version);

} // namespace reprise::frontend
