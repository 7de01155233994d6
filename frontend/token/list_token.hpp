#pragma once

#include "actors/namespace_registry.hpp"
#include "base/result.hpp"

#include <string>
#include <string_view>

namespace reprise::frontend {

/// The page token of list calls: a place in the order of rows. Opaque to clients.
std::string write_list_token(const store::list_cursor& place);
/// Refused: bytes that no server of ours wrote.
result<store::list_cursor> read_list_token(std::string_view token);

} // namespace reprise::frontend
