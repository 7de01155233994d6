#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace reprise::frontend::query {

/// A value, a column or a tuple of them.
struct operand {
  enum class kind : std::uint8_t {
    text,
    number,
    boolean,
    null,
    column,
    tuple,
    function,
    /// Calculated from its elements, which no query may ask for.
    arithmetic,
    /// Something other than a number behind a sign.
    signed_other
  };
  kind what = kind::text;
  /// The text, the digits, "true", the column's or function's name; the operators between elements.
  std::string text{};
  std::vector<operand> elements{};
};

/// A node of a parsed query.
struct expression {
  enum class kind : std::uint8_t {
    both,
    either,
    negation,
    /// `left op right`; a between has two values on the right.
    comparison,
    /// A lone operand where a condition should be.
    bare,
  };
  kind what = kind::comparison;
  std::vector<expression> children{};
  operand left{};
  /// As it is shown: "=", "!=", "in", "not in", "between", "not between", "is null", "is not null",
  /// "is", "starts_with", "not starts_with", "like", ...
  std::string op{};
  std::vector<operand> right{};
};

/// One part of an ORDER BY.
struct ordering {
  operand by{};
  bool is_descending = false;
};

/// A whole query. Empty `conditions`: everything.
struct statement {
  std::vector<expression> conditions{};
  std::vector<operand> group_by{};
  std::vector<ordering> order_by{};
  bool has_limit = false;
};

/// How large a query may be.
struct limits {
  /// Brackets and negations within each other.
  int depth = 199;
  std::size_t bytes = 1U << 20;
  /// Values that it compares with, those of lists included.
  std::size_t values = 10'000;
  /// Attributes that it orders by.
  std::size_t orderings = 10;
};

/// Parses a query; an error says where it is not understood, with the API's text.
result<statement> parse(std::string_view query, const limits& most = {});

/// What the reference's parser calls an operand of this kind; its texts of errors name it.
const char* node_name(const operand& o);

/// As texts of errors show them.
std::string shown(const operand& o);
std::string shown(const expression& comparison);

} // namespace reprise::frontend::query
