#pragma once

#include "actors/namespace_registry.hpp"
#include "base/result.hpp"

#include <string>
#include <string_view>

namespace reprise::frontend {

/// The page token of list calls: a place in the order of rows. Opaque to clients.
std::string write_list_token(const store::list_cursor& place);
/// Whether a token asks for the first page: there is none, or it is JSON's null.
bool is_first_page(std::string_view token);
/// Refused: bytes that no server wrote. A token of another server of the API leads to its place.
result<store::list_cursor> read_list_token(std::string_view token);

} // namespace reprise::frontend
