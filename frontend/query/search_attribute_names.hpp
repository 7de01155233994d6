#pragma once

#include "actors/namespaces/namespace_registry.hpp"
#include "base/result.hpp"
#include "protocol/journal.pb.h"
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

/// The API gives each attribute of a namespace a field, "Keyword01", of which the attribute's name
/// is an alias. The server needs the names alone; fields show in a namespace's config, and
/// operators may choose them.
using field_aliases = google::protobuf::Map<std::string, std::string>;

/// Gives a field to each attribute that has none.
void allot_fields(journal::NamespaceRecord& record);

/// Takes fields away whose alias is empty, and gives the others theirs; a name that has a field
/// keeps it. Attributes come and go with the fields that there are, `most` of each type. Refused:
/// a field that has another alias.
result<void> merge_aliases(journal::NamespaceRecord& record, const field_aliases& change, int most);

/// Takes away the attribute and its field.
void remove_attribute(journal::NamespaceRecord& record, const std::string& name);

} // namespace reprise::frontend
