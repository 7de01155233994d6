#pragma once

#include "engine/machine/transition.hpp"

#include <iterator>
#include <optional>
#include <string>

// Search attributes and memos, wherever a run is given some.

namespace reprise::engine {

/// A search attribute or memo field with this payload is none: an explicit null, an empty list, or
/// nothing at all.
bool is_no_value(const api::common::v1::Payload& payload);

/// Why these search attributes cannot be set: names and values, and apart from them sizes. Nothing
/// when they can.
std::optional<std::string>
search_attribute_values_problem(const api::common::v1::SearchAttributes& attributes,
                                const context& c);
std::optional<std::string>
search_attributes_size_problem(const api::common::v1::SearchAttributes& attributes,
                               const context& c);
/// Search attributes whose value is null vanish; the others learn their type when the caller left
/// it out.
void settle_attributes(api::common::v1::SearchAttributes& attributes, const context& c);

/// Memo fields without a value vanish, and so does a memo that has no field.
template <class Attributes>
void settle_memo(Attributes& attributes) {
  if (!attributes.has_memo())
    return;
  auto& fields = *attributes.mutable_memo()->mutable_fields();
  for (auto i = fields.begin(); i != fields.end();)
    i = is_no_value(i->second) ? fields.erase(i) : std::next(i);
  if (fields.empty())
    attributes.clear_memo();
}

} // namespace reprise::engine
