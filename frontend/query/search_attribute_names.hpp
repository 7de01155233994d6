#pragma once

#include "actors/namespace_registry.hpp"
#include "temporal/api/enums/v1/common.pb.h"

#include <map>
#include <optional>
#include <string>

namespace reprise::frontend {

using attribute_types = std::map<std::string, temporal::api::enums::v1::IndexedValueType>;

/// Columns that the server keeps itself; callers may query but not set them.
const attribute_types& system_attributes();
/// Attributes that exist in every namespace and that callers may set.
const attribute_types& predefined_attributes();
/// "Keyword", "Text", ...
const char* type_name(temporal::api::enums::v1::IndexedValueType type);

/// The type of an attribute that a run in this namespace may carry or be queried by; nothing when
/// there is none of this name.
std::optional<temporal::api::enums::v1::IndexedValueType>
attribute_type(const actors::namespace_entry& ns, const std::string& name);

} // namespace reprise::frontend
