#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

// Which values of an enum have a name, known while compiling: by that a table over an enum of the
// API is checked to be complete.

namespace reprise::engine {

/// The enum has a name for this value. (The compiler spells a value without one as a cast.)
template <auto Value>
consteval bool is_enumerator() {
  constexpr std::string_view value = "Value = ";
  std::string_view text = __PRETTY_FUNCTION__;
  auto at = text.rfind(value);
  return at != std::string_view::npos && text[at + value.size()] != '(';
}

/// For each value below `Count` whether it has a name.
template <class Enum, std::size_t Count>
consteval std::array<bool, Count> enumerators() {
  return []<std::size_t... Values>(std::index_sequence<Values...>) {
    return std::array<bool, Count>{
      is_enumerator<std::bit_cast<Enum>(static_cast<std::underlying_type_t<Enum>>(Values))>()...};
  }(std::make_index_sequence<Count>());
}

} // namespace reprise::engine
