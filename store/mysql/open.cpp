#include "store/open.hpp"

#include "store/mysql/mysql_store.hpp"
#include "store/mysql/schema.hpp"

namespace reprise::store {

result<std::unique_ptr<store>> open_mysql(const std::string& dsn, const mysql_options& options) {
  auto address = mysql::parse_dsn(dsn);
  if (!address)
    return address.error();
  if (options.password)
    address->password = *options.password;
  try {
    if (auto opened = mysql::open_schema(*address); !opened)
      return opened.error();
  } catch (const mysql::failure& f) {
    return make_error(errc::unavailable, "The database " + address->database + " on "
                                           + address->host + ":" + std::to_string(address->port)
                                           + " cannot be opened: " + f.what()
                                           + ". Check that the server runs and that the user "
                                             "may make and change its tables.");
  }
  return std::unique_ptr<store>{std::make_unique<mysql::mysql_store>(*address, options)};
}

} // namespace reprise::store
