#pragma once

#include "actors/namespace_registry.hpp"
#include "base/result.hpp"
#include "frontend/query/syntax.hpp"
#include "temporal/api/enums/v1/common.pb.h"

#include <string>

namespace reprise::frontend::query {

/// An attribute that a query names.
struct attribute {
  std::string name{};
  temporal::api::enums::v1::IndexedValueType type{};
};

/// A number as the reference writes it out: 1e2 is "100", .5 is "0.5".
std::string number_text(const std::string& digits);

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
