#include "protocol/versioning_override.hpp"

#include <algorithm>

namespace reprise::protocol {

namespace {

namespace enums = temporal::api::enums::v1;
using temporal::api::workflow::v1::VersioningOverride;
using problem = std::optional<refused_override>;

refused_override invalid(std::string text) {
  return {.text = std::move(text)};
}

/// Worker deployments are not offered, so no version is known to any queue.
refused_override absent(const std::string& deployment, const std::string& build,
                        const std::string& queue) {
  return {.text = "Pinned version '" + deployment + ":" + build + "' is not present in task queue '"
                  + queue + "' of type 'Workflow'",
          .lacks_version = true};
}

problem deployment_problem(const temporal::api::deployment::v1::Deployment& deployment,
                           const std::string& queue) {
  const auto& name = deployment.series_name();
  if (name.empty())
    return invalid("deployment name cannot be empty");
  if (name.find_first_of(".:") != std::string::npos)
    return invalid("deployment name cannot contain '.' or ':'");
  if (deployment.build_id().empty())
    return invalid("deployment build ID cannot be empty");
  return absent(name, deployment.build_id(), queue);
}

/// "name.build", or "name:build" where a point stands behind the colon.
problem version_text_problem(const std::string& version, const std::string& queue) {
  auto cut = version.find('.');
  auto colon = version.find(':');
  if (cut != std::string::npos && colon != std::string::npos)
    cut = std::min(cut, colon);
  if (cut == std::string::npos || cut == 0 || cut + 1 == version.size())
    return invalid("invalid version string \"" + version
                   + "\", expected format is \"<deployment_name>.<build_id>\"");
  return absent(version.substr(0, cut), version.substr(cut + 1), queue);
}

/// The fields of before there were kinds of overrides.
problem older_problem(const VersioningOverride& wanted, const std::string& queue) {
  switch (wanted.behavior()) {
    case enums::VERSIONING_BEHAVIOR_PINNED:
      if (wanted.has_deployment())
        return deployment_problem(wanted.deployment(), queue);
      if (!wanted.pinned_version().empty())
        return version_text_problem(wanted.pinned_version(), queue);
      return invalid(
        "must provide deployment (deprecated) or pinned version if behavior is 'PINNED'");
    case enums::VERSIONING_BEHAVIOR_AUTO_UPGRADE:
      if (wanted.has_deployment())
        return invalid("only provide deployment if behavior is 'PINNED'");
      if (!wanted.pinned_version().empty())
        return invalid("only provide pinned version if behavior is 'PINNED'");
      return std::nullopt;
    case enums::VERSIONING_BEHAVIOR_UNSPECIFIED:
      return invalid("override behavior is required");
    default:
      return invalid("override behavior " + std::to_string(wanted.behavior()) + " not recognized");
  }
}

} // namespace

std::optional<refused_override> versioning_override_problem(const VersioningOverride& wanted,
                                                            const std::string& queue) {
  switch (wanted.override_case()) {
    case VersioningOverride::kPinned:
      if (!wanted.pinned().has_version())
        return invalid("must provide version if override is pinned.");
      if (wanted.pinned().behavior() == 0)
        return invalid("must specify pinned override behavior if override is pinned.");
      return absent(wanted.pinned().version().deployment_name(),
                    wanted.pinned().version().build_id(), queue);
    case VersioningOverride::kAutoUpgrade:
      if (!wanted.auto_upgrade())
        return invalid("auto-upgrade override must be true");
      return std::nullopt;
    case VersioningOverride::kOneTime: {
      if (!wanted.one_time().has_target_deployment_version())
        return invalid("must provide target deployment version if override is one-time.");
      const auto& version = wanted.one_time().target_deployment_version();
      return absent(version.deployment_name(), version.build_id(), queue);
    }
    case VersioningOverride::OVERRIDE_NOT_SET:
      break;
  }
  return older_problem(wanted, queue);
}

VersioningOverride told_override(const VersioningOverride& given) {
  auto out = given;
  if (out.override_case() == VersioningOverride::OVERRIDE_NOT_SET
      && out.behavior() == enums::VERSIONING_BEHAVIOR_AUTO_UPGRADE)
    out.set_auto_upgrade(true);
  if (out.override_case() == VersioningOverride::OVERRIDE_NOT_SET)
    return out;
  out.clear_behavior();
  out.clear_deployment();
  out.clear_pinned_version();
  return out;
}

} // namespace reprise::protocol
