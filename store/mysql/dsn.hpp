#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>

namespace reprise::store::mysql {

/// The parts of
/// `mysql://user[:password]@host[:port]/database[?ssl-ca=FILE&ssl-cert=FILE&ssl-key=FILE]`, percent
/// signs decoded.
struct dsn {
  std::string user{};
  std::string password{};
  std::string host{};
  std::uint16_t port = 3306;
  std::string database{};
  /// Whose certificate the server has to show; empty: the session is without TLS.
  std::string authorities{};
  /// What it is shown, where it asks for it; both or none.
  std::string certificate{};
  std::string key{};
};

/// invalid_argument with a sentence that shows the form; never repeats the password.
result<dsn> parse_dsn(const std::string& text);

} // namespace reprise::store::mysql
