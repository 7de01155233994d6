#include "frontend/validate/callbacks.hpp"

#include "frontend/errors.hpp"

#include <string>

namespace reprise::frontend {

namespace common = temporal::api::common::v1;

namespace {

constexpr int callbacks_max = 2000;
constexpr std::size_t url_bytes_max = 1000;
constexpr std::size_t header_bytes_max = 8192;

result<void> check_url(const std::string& url) {
  if (url.size() > url_bytes_max)
    return invalid_argument("invalid url: url length longer than max length allowed of "
                            + std::to_string(url_bytes_max));
  if (url == "temporal://system")
    return {};
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    return invalid_argument("invalid url: unknown scheme: " + url);
  return invalid_argument("invalid url: url does not match any configured callback address: "
                          + url);
}

} // namespace

result<void>
check_callbacks(const google::protobuf::RepeatedPtrField<common::Callback>& callbacks) {
  if (callbacks.size() > callbacks_max)
    return invalid_argument("cannot attach more than " + std::to_string(callbacks_max)
                            + " callbacks to an execution");
  for (const auto& callback : callbacks) {
    if (!callback.has_nexus())
      return make_error(errc::unimplemented, "unknown callback variant");
    if (auto ok = check_url(callback.nexus().url()); !ok)
      return ok;
    std::size_t bytes = 0;
    for (const auto& [name, value] : callback.nexus().header())
      bytes += name.size() + value.size();
    if (bytes > header_bytes_max)
      return invalid_argument("invalid header: header size longer than max allowed size of "
                              + std::to_string(header_bytes_max));
  }
  return {};
}

} // namespace reprise::frontend
