#pragma once

#include "store/types.hpp"

#include <string_view>

namespace reprise::store::sql {

/// The search attributes of a row as one blob, for reading the row back whole:
///   attributes := { name type number texts }
///   name, text := length:u32 bytes;  texts := count:u32 { text }
///   number     := 8 bytes, the integer or the bits of the real
/// all little-endian.
std::string encode_attributes(const std::vector<named_value>& attributes);

/// Nothing when the blob is not one that encode_attributes made.
std::optional<std::vector<named_value>> decode_attributes(std::string_view blob);

/// One row of the table that queries search: an attribute's only value, or one element of it.
struct attribute_element {
  std::string name{};
  int place = 0;
  value_type type = value_type::keyword;
  std::optional<std::string> text{};
  std::optional<std::int64_t> integer{};
  std::optional<double> real{};
};

/// A keyword list's elements, a text's words, any other attribute's value. One without elements
/// has one row without a value, which says that it is there.
std::vector<attribute_element> elements_of(const std::vector<named_value>& attributes);

} // namespace reprise::store::sql
