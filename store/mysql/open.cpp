#include "store/open.hpp"

#include "store/mysql/mysql_store.hpp"
#include "store/mysql/schema.hpp"

namespace reprise::store {

namespace {

/// With the failure as a sentence.
template <class Work>
auto on_server(const mysql::dsn& address, Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const mysql::failure& f) {
    return make_error(errc::unavailable, "The database " + address.database + " on " + address.host
                                           + ":" + std::to_string(address.port)
                                           + " cannot be opened: " + f.what()
                                           + ". Check that the server runs and that the user "
                                             "may make and change its tables.");
  }
}

result<mysql::dsn> address_of(const std::string& dsn, const std::optional<std::string>& password) {
  auto address = mysql::parse_dsn(dsn);
  if (address && password)
    address->password = *password;
  return address;
}

} // namespace

result<std::unique_ptr<store>> open_mysql(const std::string& dsn, const mysql_options& options) {
  auto address = address_of(dsn, options.password);
  if (!address)
    return address.error();
  if (auto opened = on_server(*address, [&] { return mysql::open_schema(*address); }); !opened)
    return opened.error();
  return std::unique_ptr<store>{std::make_unique<mysql::mysql_store>(*address, options)};
}

result<migration_plan> plan_mysql_migration(const std::string& dsn,
                                            const std::optional<std::string>& password) {
  auto address = address_of(dsn, password);
  if (!address)
    return address.error();
  return on_server(*address, [&] { return mysql::plan_migration(*address); });
}

} // namespace reprise::store
