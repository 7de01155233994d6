// Any bytes as the value of a search attribute: both readers agree on what is one, and reading
// again what was read gives the same.
#include "frontend/validate/search_attributes.hpp"
#include "protocol/json_value.hpp"
#include "protocol/search_attributes.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace reprise;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1)
    return 0;
  static const auto ns = [] {
    actors::namespace_entry out;
    out.facts.name = "default";
    for (int type = 1; type <= 7; ++type)
      (*out.record.mutable_search_attributes())["A" + std::to_string(type)] = type;
    out.facts.search_attributes = actors::all_search_attributes(out.record);
    return out;
  }();
  auto type = 1 + data[0] % 7;
  std::string text{fuzz::bytes_of(data + 1, size - 1)};
  if (auto value = protocol::parse_json(text))
    protocol::to_plain_text(*value);
  temporal::api::common::v1::SearchAttributes attributes;
  auto& payload = (*attributes.mutable_indexed_fields())["A" + std::to_string(type)];
  (*payload.mutable_metadata())["encoding"] = "json/plain";
  payload.set_data(text);
  auto value = protocol::decode_search_attribute(payload, type);
  auto again = protocol::decode_search_attribute(payload, type);
  fuzz::require(value.has_value() == again.has_value(), "reading changes nothing");
  protocol::search_attributes_problem(attributes, ns.facts.search_attributes, "default");
  auto small = text.size() <= 2048;
  auto settled = frontend::settle_search_attributes(attributes, ns, {});
  // What the front door lets in, the engine must be able to index.
  if (settled && small && attributes.indexed_fields().contains("A" + std::to_string(type)))
    fuzz::require(value.has_value(), "let in but not read: " + text);
  return 0;
}
