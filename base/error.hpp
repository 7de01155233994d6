#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace reprise {

/// The canonical status codes of the public API. The numbers are those of the wire, so no table
/// translates between an inner failure and what a caller sees.
enum class errc : std::uint8_t {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  aborted = 10,
  out_of_range = 11,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  data_loss = 15,
  unauthenticated = 16,
};

/// The code's upper-case name as gRPC prints it ("NOT_FOUND").
std::string_view to_string(errc code) noexcept;

/// A refusal or a failure that a caller may see. A plain value; owns its text.
struct error {
  errc code = errc::unknown;
  /// Said to the caller as it stands: a full sentence of the API, never an inner secret.
  std::string message{};
  /// Full name of the detail message ("temporal.api.errordetails.v1.NotFoundFailure"); empty: none.
  std::string detail_type{};
  /// The serialised detail message.
  std::string detail{};
};

/// Shorthand for an error without detail.
inline error make_error(errc code, std::string message) {
  return error{.code = code, .message = std::move(message)};
}

} // namespace reprise
