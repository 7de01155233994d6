#include "frontend/token/list_token.hpp"

#include "frontend/call/errors.hpp"
#include "frontend/validate/search_attributes.hpp"
#include "protocol/json_value.hpp"

#include <limits>

namespace reprise::frontend {

namespace {

/// First byte of a token: its form. Three numbers of eight bytes follow, or two when the row is
/// open.
constexpr char open_row = 'o';
constexpr char closed_row = 'c';

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
  std::string out(1, place.close_time ? closed_row : open_row);
  if (place.close_time)
    write_number(out, place.close_time->time_since_epoch().count());
  write_number(out, place.start_time.time_since_epoch().count());
  write_number(out, place.key);
  return out;
}

result<store::list_cursor> read_list_token(std::string_view token) {
  if (auto json = protocol::parse_json(token))
    if (auto place = read_foreign(*json))
      return *place;
  bool closed = token.starts_with(closed_row);
  if ((!closed && !token.starts_with(open_row)) || token.size() != (closed ? 25U : 17U))
    return invalid_argument("Invalid NextPageToken.");
  token.remove_prefix(1);
  store::list_cursor place;
  if (closed)
    place.close_time = time_point{duration{read_number(token)}};
  place.start_time = time_point{duration{read_number(token)}};
  place.key = read_number(token);
  return place;
}

} // namespace reprise::frontend
