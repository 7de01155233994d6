#pragma once

#include "temporal/api/workflow/v1/message.pb.h"

#include <optional>
#include <string>

namespace reprise::protocol {

/// Why a start or an options update may not carry an override; the API's text.
struct refused_override {
  std::string text{};
  /// It makes sense, and the version that it names is nowhere: FAILED_PRECONDITION. Else the caller
  /// erred.
  bool lacks_version = false;
};

/// `queue` is that of the run, which texts name.
std::optional<refused_override>
versioning_override_problem(const temporal::api::workflow::v1::VersioningOverride& wanted,
                            const std::string& queue);

/// As events tell of it: in the fields that every override has today.
temporal::api::workflow::v1::VersioningOverride
told_override(const temporal::api::workflow::v1::VersioningOverride& given);

} // namespace reprise::protocol
