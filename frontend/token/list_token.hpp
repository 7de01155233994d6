#pragma once

#include "actors/namespaces/namespace_registry.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace reprise::frontend {

/// The page token of list calls: a place in the order of rows. Opaque to clients.
std::string write_list_token(const store::list_cursor& place);
/// Whether a token asks for the first page: there is none, or it is JSON's null.
bool is_first_page(std::string_view token);
/// Refused: bytes that no server wrote. A token of another server of the API leads to its place.
result<store::list_cursor> read_list_token(std::string_view token);

/// The page token of a list in an order of the caller's: a place in that order, of that query
/// alone (`query_hash`).
std::string write_sorted_token(const store::sorted_place& place, std::uint64_t query_hash);
/// Refused: another query's, or bytes that no server wrote.
result<store::sorted_place> read_sorted_token(std::string_view token, std::uint64_t query_hash,
                                              std::span<const store::sort_key> order);
/// Tells queries of namespaces apart. The same for ever, since tokens outlive a server.
std::uint64_t hash_of_query(std::string_view namespace_id, std::string_view query) noexcept;

} // namespace reprise::frontend
