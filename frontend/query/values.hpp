#pragma once

#include "actors/namespaces/namespace_registry.hpp"
#include "base/result.hpp"
#include "frontend/query/syntax.hpp"
#include "temporal/api/enums/v1/common.pb.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace reprise::frontend::query {

/// An attribute that a query names.
struct attribute {
  std::string name{};
  temporal::api::enums::v1::IndexedValueType type{};
};

/// A number as the reference writes it out: 1e2 is "100", .5 is "0.5". The fewest digits that read
/// back as the same number, and zeros behind them.
std::string number_text(const std::string& written);

/// Whether no number of ours is so far from zero.
bool is_too_large(const std::string& written);

struct integer_range {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

/// All integers whose decimal text begins so; none where it begins none.
std::vector<integer_range> integers_beginning_with(std::string_view prefix);

/// "Running", "Completed", ...; empty for no status.
std::string status_name(std::int64_t status);

/// A value as the attribute's type has it. Refused, with the API's text: of another type, or not to
/// be understood.
result<store::search_value> value_of(const attribute& a, const operand& o);

/// The store's name of an attribute's type.
store::value_type to_value_type(temporal::api::enums::v1::IndexedValueType type);

/// The type of the attribute's values in the store: a status is a keyword to clients and a number
/// there.
store::value_type stored_type(const attribute& a);

} // namespace reprise::frontend::query
