#include "engine/properties/keywords.hpp"

#include "protocol/search_attributes.hpp"
#include "temporal/api/enums/v1/common.pb.h"

namespace reprise::engine {

void set_keywords(execution& x, const std::string& name, const std::vector<std::string>& words) {
  auto& payload = (*x.mutable_search_attributes())[name];
  payload.Clear();
  (*payload.mutable_metadata())["encoding"] = "json/plain";
  (*payload.mutable_metadata())["type"] = "KeywordList";
  std::string data = "[";
  for (const auto& word : words) {
    data += data.size() > 1 ? ",\"" : "\"";
    for (char c : word) {
      if (c == '"' || c == '\\')
        data += '\\';
      if (static_cast<unsigned char>(c) >= 0x20)
        data += c;
    }
    data += '"';
  }
  payload.set_data(data + "]");
}

std::vector<std::string> keywords_of(const execution& x, const std::string& name) {
  auto i = x.search_attributes().find(name);
  if (i == x.search_attributes().end())
    return {};
  auto value = protocol::decode_search_attribute(
    i->second, temporal::api::enums::v1::INDEXED_VALUE_TYPE_KEYWORD_LIST);
  return value && *value ? std::move((*value)->texts) : std::vector<std::string>{};
}

bool has_keyword(const execution& x, const std::string& name, const std::string& word) {
  auto i = x.search_attributes().find(name);
  return i != x.search_attributes().end()
         && i->second.data().find('"' + word + '"') != std::string::npos;
}

} // namespace reprise::engine
