#include "frontend/token/list_token.hpp"

#include "frontend/call/errors.hpp"
#include "frontend/validate/search_attributes.hpp"
#include "protocol/json_value.hpp"

#include <bit>
#include <cmath>
#include <limits>

namespace reprise::frontend {

namespace {

/// First byte of a token: its form. Three numbers of eight bytes follow, or two when the row is
/// open and nobody knows when the walk began.
constexpr char open_row = 'o';
constexpr char closed_row = 'c';
constexpr char walked_row = 'w';
/// A place in an order of the caller's:
///   token := 's' query-hash number-of-values:u8 { value } key
///   value := 0 | 1 length:u16 bytes | 2 integer | 3 bits-of-real
constexpr char sorted_row = 's';

enum value_form : char {
  missing,
  text,
  integer,
  real,
};

constexpr std::size_t number_bytes = 8;
/// The parts of the order that lists have by themselves: close, start, run.
constexpr std::size_t own_order_parts = 3;

void write_number(std::string& out, std::int64_t n) {
  auto bits = static_cast<std::uint64_t>(n);
  for (int shift = 56; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(bits >> shift & 0xFF));
}

std::int64_t read_number(std::string_view& in) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i)
    bits = bits << 8 | static_cast<unsigned char>(in[i]);
  in.remove_prefix(8);
  return static_cast<std::int64_t>(bits);
}

void write_value(std::string& out, const store::search_value& value) {
  if (!value.texts.empty()) {
    const auto& bytes = value.texts.front();
    out += value_form::text;
    out += static_cast<char>(bytes.size() >> 8 & 0xFF);
    out += static_cast<char>(bytes.size() & 0xFF);
    out += bytes;
  } else if (is_missing(value)) {
    out += value_form::missing;
  } else if (value.type == store::value_type::real) {
    out += value_form::real;
    write_number(out, std::bit_cast<std::int64_t>(value.real));
  } else {
    out += value_form::integer;
    write_number(out, value.integer);
  }
}

value_form form_of(store::value_type type) {
  using enum store::value_type;
  if (type == keyword || type == keyword_list || type == store::value_type::text)
    return value_form::text;
  return type == store::value_type::real ? value_form::real : value_form::integer;
}

/// Takes a value of the type, or a missing one, off the front; nothing when there is none.
std::optional<store::search_value> read_value(std::string_view& in, store::value_type type) {
  if (in.empty())
    return std::nullopt;
  auto form = in.front();
  in.remove_prefix(1);
  if (form == value_form::missing)
    return store::search_value{};
  if (form != form_of(type))
    return std::nullopt;
  if (form != value_form::text) {
    if (in.size() < number_bytes)
      return std::nullopt;
    auto number = read_number(in);
    if (form == value_form::integer)
      return store::search_value{.type = type, .integer = number};
    // Not a number is no place in an order.
    auto value = std::bit_cast<double>(number);
    if (!std::isfinite(value))
      return std::nullopt;
    return store::search_value{.type = type, .real = value};
  }
  if (in.size() < 2)
    return std::nullopt;
  auto size = static_cast<std::size_t>(static_cast<unsigned char>(in[0])) << 8
              | static_cast<unsigned char>(in[1]);
  in.remove_prefix(2);
  if (in.size() < size)
    return std::nullopt;
  store::search_value out{.type = type, .texts = {std::string{in.substr(0, size)}}};
  in.remove_prefix(size);
  return out;
}

error invalid_token() {
  return invalid_argument("Invalid NextPageToken.");
}

error other_order(std::size_t expected, std::size_t got) {
  return invalid_argument("Invalid page token for given sort fields: expected "
                          + std::to_string(expected) + " fields, got " + std::to_string(got));
}

bool is_sorted_token(std::string_view token) {
  return token.starts_with(sorted_row) && token.size() > 1 + number_bytes;
}

std::size_t parts_of(std::string_view token) {
  return static_cast<unsigned char>(token[1 + number_bytes]);
}

using protocol::json_value;

/// A time of a token of another server: the beginning of all where there is none, nothing where it
/// is no time.
std::optional<std::int64_t> time_of(const json_value& token, std::string_view name) {
  for (std::size_t i = 0; i < token.names.size(); ++i) {
    if (token.names[i] != name || token.items[i].what == json_value::kind::null)
      continue;
    return token.items[i].what == json_value::kind::string ? parse_rfc3339(token.items[i].text)
                                                           : std::nullopt;
  }
  return std::numeric_limits<std::int64_t>::min();
}

/// The tokens of other servers of the API are JSON: the times of the last row, of which an open one
/// closes in the year 9999.
std::optional<store::list_cursor> read_foreign(const json_value& token) {
  constexpr std::int64_t end_of_time = 9'223'372'035'000'000'000;
  auto closed = time_of(token, "CloseTime");
  auto started = time_of(token, "StartTime");
  if (token.what != json_value::kind::object || !closed || !started)
    return std::nullopt;
  store::list_cursor place;
  if (*closed < end_of_time)
    place.close_time = time_point{duration{*closed}};
  place.start_time = time_point{duration{*started}};
  return place;
}

} // namespace

bool is_first_page(std::string_view token) {
  if (token.empty())
    return true;
  auto json = protocol::parse_json(token);
  return json && json->what == json_value::kind::null;
}

std::string write_list_token(const store::list_cursor& place) {
  auto is_walk = place.walk_began && !place.close_time;
  std::string out(1, place.close_time ? closed_row : is_walk ? walked_row : open_row);
  if (place.close_time)
    write_number(out, place.close_time->time_since_epoch().count());
  else if (is_walk)
    write_number(out, place.walk_began->time_since_epoch().count());
  write_number(out, place.start_time.time_since_epoch().count());
  write_number(out, place.key);
  return out;
}

result<store::list_cursor> read_list_token(std::string_view token) {
  if (auto json = protocol::parse_json(token))
    if (auto place = read_foreign(*json))
      return *place;
  if (is_sorted_token(token))
    return other_order(own_order_parts, parts_of(token) + 1);
  bool closed = token.starts_with(closed_row);
  bool walked = token.starts_with(walked_row);
  auto numbers = closed || walked ? 3U : 2U;
  if ((!closed && !walked && !token.starts_with(open_row))
      || token.size() != 1 + numbers * number_bytes)
    return invalid_token();
  token.remove_prefix(1);
  store::list_cursor place;
  if (closed)
    place.close_time = time_point{duration{read_number(token)}};
  if (walked)
    place.walk_began = time_point{duration{read_number(token)}};
  place.start_time = time_point{duration{read_number(token)}};
  place.key = read_number(token);
  return place;
}

std::string write_sorted_token(const store::sorted_place& place, std::uint64_t query_hash) {
  std::string out(1, sorted_row);
  write_number(out, static_cast<std::int64_t>(query_hash));
  out += static_cast<char>(place.values.size());
  for (const auto& value : place.values)
    write_value(out, value);
  write_number(out, place.key);
  return out;
}

result<store::sorted_place> read_sorted_token(std::string_view token, std::uint64_t query_hash,
                                              std::span<const store::sort_key> order) {
  if (!is_sorted_token(token)) {
    if (auto own = read_list_token(token); !own)
      return std::move(own).error();
    return other_order(order.size() + 1, own_order_parts);
  }
  if (parts_of(token) != order.size())
    return other_order(order.size() + 1, parts_of(token) + 1);
  token.remove_prefix(1);
  if (static_cast<std::uint64_t>(read_number(token)) != query_hash)
    return invalid_token();
  token.remove_prefix(1);
  store::sorted_place place;
  for (const auto& key : order) {
    auto value = read_value(token, key.type);
    if (!value)
      return invalid_token();
    place.values.push_back(std::move(*value));
  }
  if (token.size() != number_bytes)
    return invalid_token();
  place.key = read_number(token);
  return place;
}

std::uint64_t hash_of_query(std::string_view namespace_id, std::string_view query) noexcept {
  // FNV-1a of both with a byte between them that no id has.
  constexpr std::uint64_t prime = 1099511628211ULL;
  std::uint64_t hash = 14695981039346656037ULL;
  auto add = [&](std::string_view bytes) {
    for (unsigned char c : bytes)
      hash = (hash ^ c) * prime;
  };
  add(namespace_id);
  hash *= prime;
  add(query);
  return hash;
}

} // namespace reprise::frontend
