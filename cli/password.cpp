#include "cli/password.hpp"

#include <algorithm>
#include <fstream>

namespace reprise::cli {

result<std::string> read_password(const std::string& path) {
  constexpr std::size_t most = 4096;
  std::ifstream file{path};
  std::string out(most, '\0');
  file.read(out.data(), static_cast<std::streamsize>(most));
  out.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  out = out.substr(0, out.find_first_of("\r\n"));
  if (out.empty() || out.size() == most)
    return make_error(errc::invalid_argument,
                      "--mysql-password-file " + path + ": there is no password in its first line");
  return out;
}

} // namespace reprise::cli
