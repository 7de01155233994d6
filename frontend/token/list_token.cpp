#include "frontend/token/list_token.hpp"

#include "frontend/call/errors.hpp"

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

} // namespace

std::string write_list_token(const store::list_cursor& place) {
  std::string out(1, place.close_time ? closed_row : open_row);
  if (place.close_time)
    write_number(out, place.close_time->time_since_epoch().count());
  write_number(out, place.start_time.time_since_epoch().count());
  write_number(out, place.key);
  return out;
}

result<store::list_cursor> read_list_token(std::string_view token) {
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
