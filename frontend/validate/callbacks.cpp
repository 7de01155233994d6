#include "frontend/validate/callbacks.hpp"

#include "frontend/call/errors.hpp"

#include <map>
#include <string>

namespace reprise::frontend {

namespace common = temporal::api::common::v1;

namespace {

result<void> check_url(const std::string& url, std::size_t bytes_max) {
  if (url.size() > bytes_max)
    return invalid_argument("invalid url: url length longer than max length allowed of "
                            + std::to_string(bytes_max));
  if (url == "temporal://system")
    return {};
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    return invalid_argument("invalid url: unknown scheme: " + url);
  return invalid_argument("invalid url: url does not match any configured callback address: "
                          + url);
}

void lower_names(google::protobuf::Map<std::string, std::string>& header) {
  google::protobuf::Map<std::string, std::string> out;
  // Names that differ by case alone become one; in order, so that it is always the same one.
  std::map<std::string, std::string> ordered(header.begin(), header.end());
  for (auto& [name, value] : ordered) {
    auto lower = name;
    for (auto& c : lower)
      if (c >= 'A' && c <= 'Z')
        c = static_cast<char>(c - 'A' + 'a');
    out[lower] = std::move(value);
  }
  header.swap(out);
}

} // namespace

result<void> settle_callbacks(google::protobuf::RepeatedPtrField<common::Callback>& callbacks,
                              const front_limits& limits) {
  if (static_cast<std::size_t>(callbacks.size()) > limits.callbacks_max)
    return invalid_argument("cannot attach more than " + std::to_string(limits.callbacks_max)
                            + " callbacks to an execution");
  for (auto& callback : callbacks) {
    if (!callback.has_nexus())
      return make_error(errc::unimplemented, "unknown callback variant");
    if (auto ok = check_url(callback.nexus().url(), limits.callback_url_bytes_max); !ok)
      return ok;
    std::size_t bytes = 0;
    for (const auto& [name, value] : callback.nexus().header())
      bytes += name.size() + value.size();
    if (bytes > limits.callback_header_bytes_max)
      return invalid_argument("invalid header: header size longer than max allowed size of "
                              + std::to_string(limits.callback_header_bytes_max));
    lower_names(*callback.mutable_nexus()->mutable_header());
  }
  return {};
}

} // namespace reprise::frontend
