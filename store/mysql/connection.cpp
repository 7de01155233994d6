#include "store/mysql/connection.hpp"

#include "store/columns.hpp"

#include <cppconn/datatype.h>
#include <cppconn/exception.h>

#include <mysql_driver.h>

#include <algorithm>
#include <mutex>

namespace reprise::store::mysql {

namespace {

// Numbers of the server and of its client library.
enum : int {
  disk_full = 1021,
  lost_in_shutdown = 1053,
  duplicate_entry = 1062,
  packet_too_large = 1153,
  read_error = 1158,
  read_interrupted = 1159,
  lock_wait_timeout = 1205,
  deadlock = 1213,
  out_of_range = 1264,
  truncated_value = 1366,
  data_too_long = 1406,
  record_changed = 1020,
  connection_killed = 1927,
  statement_timeout = 1969, // as MariaDB says it
  gone_away = 2006,
  lost = 2013,
  lost_extended = 2055,
  query_timeout = 3024, // as MySQL says it
  silent_too_long = 4031,
};

/// Seconds without a word from us after which the server ends a writer's session and with it the
/// locks of its open transaction: a stopped process must not keep its slots locked.
constexpr int writer_silence_max_s = 10;
/// The same within a transaction, where the server knows of it. Far longer than the pause between
/// two statements of one. A member's group is ended by whoever takes over from it; this is for the
/// rest, and for users who may not end it.
constexpr int transaction_silence_max_s = 5;
/// Shorter than a caller's patience, longer than a busy commit.
constexpr int lock_wait_max_s = 5;

constexpr std::size_t statement_bytes_max = std::size_t{16} << 20;

/// Runs one call of the driver and turns what it throws into a failure. The one place where the
/// driver's exceptions are seen.
template <class F>
auto guarded(F f) -> decltype(f()) {
  try {
    return f();
  } catch (const ::sql::SQLException& e) {
    throw failure{e.getErrorCode(), e.what()};
  } catch (const std::bad_alloc&) {
    throw failure{lost, "out of memory while reading an answer"};
  } catch (const std::exception& e) {
    throw failure{lost, e.what()};
  }
}

::sql::Connection* connect(const dsn& address, const std::string& database) {
  static std::mutex driver_mutex;
  ::sql::ConnectOptionsMap options;
  options["hostName"]
    = ::sql::SQLString{"tcp://" + address.host + ":" + std::to_string(address.port)};
  options["userName"] = ::sql::SQLString{address.user};
  options["password"] = ::sql::SQLString{address.password};
  if (!database.empty())
    options["schema"] = ::sql::SQLString{database};
  if (!address.authorities.empty()) {
    options["sslCA"] = ::sql::SQLString{address.authorities};
    options["sslVerify"] = true;
    options["sslEnforce"] = true;
  }
  if (!address.certificate.empty()) {
    options["sslCert"] = ::sql::SQLString{address.certificate};
    options["sslKey"] = ::sql::SQLString{address.key};
  }
  options["OPT_CONNECT_TIMEOUT"] = 5;
  options["OPT_READ_TIMEOUT"] = 30;
  options["OPT_WRITE_TIMEOUT"] = 30;
  options["OPT_RECONNECT"] = false;
  // The driver's list of what it initialised is not made for several threads.
  std::lock_guard guard{driver_mutex};
  return ::sql::mysql::get_driver_instance()->connect(options);
}

} // namespace

bool failure::is_lost() const noexcept {
  switch (code_) {
    case lost_in_shutdown:
    case packet_too_large: // the server hangs up with it
    case read_error:
    case read_interrupted:
    case connection_killed:
    case gone_away:
    case lost:
    case lost_extended:
    case silent_too_long:
      return true;
    default:
      return code_ >= 2000 && code_ < 3000;
  }
}

bool failure::is_collision() const noexcept {
  return code_ == deadlock || code_ == lock_wait_timeout || code_ == record_changed
         || code_ == known_wrongly;
}

bool failure::is_bad_value() const noexcept {
  return code_ == data_too_long || code_ == out_of_range || code_ == truncated_value
         || code_ == duplicate_entry;
}

bool failure::is_duplicate() const noexcept {
  return code_ == duplicate_entry;
}

bool failure::is_timeout() const noexcept {
  return code_ == statement_timeout || code_ == query_timeout;
}

error to_error(const failure& f) {
  if (f.is_timeout())
    return make_error(errc::resource_exhausted,
                      "The query takes too long; please ask for less, or for a narrower range.");
  if (f.code() == disk_full)
    return make_error(errc::unavailable, "The database's disk is full.");
  return make_error(errc::unavailable,
                    std::string{"The database does not work now: "} + f.what() + ".");
}

bool rows::next() {
  return guarded([&] { return set_->next(); });
}

bool rows::is_null(unsigned column) const {
  return guarded([&] { return set_->isNull(column); });
}

std::int64_t rows::integer(unsigned column) const {
  return guarded([&] { return std::int64_t{set_->getInt64(column)}; });
}

std::uint64_t rows::natural(unsigned column) const {
  return static_cast<std::uint64_t>(integer(column));
}

double rows::real(unsigned column) const {
  return guarded([&] { return static_cast<double>(set_->getDouble(column)); });
}

std::string rows::text(unsigned column) const {
  return guarded([&] { return set_->getString(column).asStdString(); });
}

void prepared_statement::bind(std::int64_t n) {
  guarded([&] { handle_->setInt64(next_parameter_++, n); });
}

void prepared_statement::bind(std::uint64_t n) {
  bind(static_cast<std::int64_t>(n));
}

void prepared_statement::bind(int n) {
  guarded([&] { handle_->setInt(next_parameter_++, n); });
}

void prepared_statement::bind(std::string_view bytes) {
  guarded(
    [&] { handle_->setString(next_parameter_++, ::sql::SQLString{bytes.data(), bytes.size()}); });
}

void prepared_statement::bind(const std::optional<time_point>& t) {
  if (t)
    bind(nanoseconds(*t));
  else
    guarded([&] { handle_->setNull(next_parameter_++, ::sql::DataType::BIGINT); });
}

std::int64_t prepared_statement::update() {
  next_parameter_ = 1;
  return guarded([&] { return std::int64_t{handle_->executeUpdate()}; });
}

connection::connection(const dsn& address, const std::string& database, role what,
                       duration time_max) {
  guarded([&] {
    handle_.reset(connect(address, database));
    statement_.reset(handle_->createStatement());
  });
  execute("SET NAMES binary");
  execute("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'");
  execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
  execute("SET SESSION innodb_lock_wait_timeout = " + std::to_string(lock_wait_max_s));
  execute("SET SESSION time_zone = '+00:00'");
  if (what == role::writer) {
    bound_silence();
    // A group's first statement then begins its transaction, without a round trip for that.
    execute("SET SESSION autocommit = 0");
  }
  if (what == role::scanner) {
    bound_statements(time_max);
    // Sorted by all of their bytes: no value of a search attribute is longer.
    execute("SET SESSION max_sort_length = 4096");
    // Whether a row has an attribute is looked up for those of a page, not read for all there are.
    execute("SET SESSION optimizer_switch = 'materialization=off'");
  }
  auto about = query("SELECT CONNECTION_ID(), @@max_allowed_packet");
  about.next();
  id_ = about.integer(1);
  packet_max_ = std::min(static_cast<std::size_t>(about.integer(2)), statement_bytes_max);
}

connection::~connection() {
  // Destructors of the driver talk to the server; a lost one must not end the process.
  try {
    prepared_.clear();
    statement_.reset();
    handle_.reset();
  } catch (const std::exception&) {
    return;
  }
}

// A process that is stopped, or cut off, keeps the locks of its open transaction until the server
// ends its session.
void connection::bound_silence() {
  execute("SET SESSION wait_timeout = " + std::to_string(writer_silence_max_s));
  // MariaDB can be told not to wait as long for the rest of a transaction as for the next one.
  if (query("SHOW VARIABLES LIKE 'idle_transaction_timeout'").next())
    execute("SET SESSION idle_transaction_timeout = " + std::to_string(transaction_silence_max_s));
}

// The two kinds of server know it by different names, in different units.
void connection::bound_statements(duration time_max) {
  std::chrono::duration<double> seconds = time_max;
  if (query("SHOW VARIABLES LIKE 'max_statement_time'").next())
    execute("SET SESSION max_statement_time = " + std::to_string(seconds.count()));
  else if (query("SHOW VARIABLES LIKE 'max_execution_time'").next())
    execute("SET SESSION max_execution_time = "
            + std::to_string(static_cast<std::int64_t>(std::max(1.0, seconds.count() * 1000))));
}

void connection::execute(const std::string& text) {
  guarded([&] { statement_->execute(::sql::SQLString{text}); });
}

std::int64_t connection::update(const std::string& text) {
  return guarded([&] { return std::int64_t{statement_->executeUpdate(::sql::SQLString{text})}; });
}

rows connection::query(const std::string& text) {
  return guarded([&] { return rows{statement_->executeQuery(::sql::SQLString{text})}; });
}

prepared_statement& connection::prepared(const std::string& text) {
  auto found = prepared_.find(text);
  if (found == prepared_.end()) {
    auto handle = guarded([&] { return handle_->prepareStatement(::sql::SQLString{text}); });
    found = prepared_.emplace(text, prepared_statement{handle}).first;
  }
  return found->second;
}

} // namespace reprise::store::mysql
