#include "frontend/validate/callbacks.hpp"

#include "frontend/call/errors.hpp"

#include <map>
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

result<void> settle_callbacks(google::protobuf::RepeatedPtrField<common::Callback>& callbacks) {
  if (callbacks.size() > callbacks_max)
    return invalid_argument("cannot attach more than " + std::to_string(callbacks_max)
                            + " callbacks to an execution");
  for (auto& callback : callbacks) {
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
    lower_names(*callback.mutable_nexus()->mutable_header());
  }
  return {};
}

} // namespace reprise::frontend
