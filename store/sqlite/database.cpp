#include "store/sqlite/database.hpp"

#include "store/columns.hpp"

namespace reprise::store::sqlite {

namespace {

[[noreturn]] void fail(sqlite3* db, int code) {
  auto extended = db != nullptr ? sqlite3_extended_errcode(db) : code;
  if ((extended & 0xff) != (code & 0xff))
    extended = code;
  throw failure{extended, db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code)};
}

} // namespace

error to_error(const failure& f) {
  switch (f.primary_code()) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
      return make_error(errc::data_loss,
                        std::string{"The store's file cannot be understood: "} + f.what() + ".");
    case SQLITE_INTERRUPT:
      return make_error(errc::resource_exhausted,
                        "The query takes too long; please ask for less, or for a narrower range.");
    case SQLITE_FULL:
      return make_error(errc::unavailable, "The store's disk is full.");
    default:
      return make_error(errc::unavailable,
                        std::string{"The store does not work now: "} + f.what() + ".");
  }
}

// -- statement -----------------------------------------------------------------------------------

statement::statement(sqlite3* db, std::string_view sql, bool keep) {
  sqlite3_stmt* raw = nullptr;
  auto flags = keep ? SQLITE_PREPARE_PERSISTENT : 0U;
  auto code = sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()), flags, &raw,
                                 nullptr);
  handle_.reset(raw);
  if (code != SQLITE_OK)
    fail(db, code);
}

void statement::check(int code) {
  if (code != SQLITE_OK) [[unlikely]]
    fail(sqlite3_db_handle(handle_.get()), code);
}

statement& statement::bind(std::int64_t value) {
  check(sqlite3_bind_int64(handle_.get(), next_parameter_++, value));
  return *this;
}

statement& statement::bind(std::string_view text) {
  // An empty view may point nowhere, which SQLite would store as NULL.
  auto data = text.data() != nullptr ? text.data() : "";
  check(sqlite3_bind_text64(handle_.get(), next_parameter_++, data, text.size(), SQLITE_STATIC,
                            SQLITE_UTF8));
  return *this;
}

statement& statement::bind_blob(std::string_view bytes) {
  auto data = bytes.data() != nullptr ? bytes.data() : "";
  check(sqlite3_bind_blob64(handle_.get(), next_parameter_++, data, bytes.size(), SQLITE_STATIC));
  return *this;
}

statement& statement::bind(double value) {
  check(sqlite3_bind_double(handle_.get(), next_parameter_++, value));
  return *this;
}

statement& statement::bind_null() {
  check(sqlite3_bind_null(handle_.get(), next_parameter_++));
  return *this;
}

statement& statement::bind(const std::optional<time_point>& t) {
  return t ? bind(nanoseconds(*t)) : bind_null();
}

statement& statement::bind_optional(const std::optional<std::string>& text) {
  return text ? bind(std::string_view{*text}) : bind_null();
}

statement& statement::bind_unless_empty(std::string_view text) {
  return text.empty() ? bind_null() : bind(text);
}

statement& statement::bind_parameter(const sql::parameter& p) {
  if (auto integer = std::get_if<std::int64_t>(&p))
    return bind(*integer);
  if (auto real = std::get_if<double>(&p))
    return bind(*real);
  return bind(std::string_view{std::get<std::string>(p)});
}

statement& statement::bind_pointer(const void* p, const char* type) {
  // SQLite hands it back as it is; only the type of its own interface lacks the const.
  check(
    sqlite3_bind_pointer(handle_.get(), next_parameter_++, const_cast<void*>(p), type, nullptr));
  return *this;
}

bool statement::step() {
  auto code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW)
    return true;
  if (code == SQLITE_DONE)
    return false;
  fail(sqlite3_db_handle(handle_.get()), code);
}

void statement::run() {
  running guard{*this};
  while (step()) {
  }
}

void statement::reset() noexcept {
  sqlite3_reset(handle_.get());
  next_parameter_ = 1;
}

bool statement::is_null(int column) const {
  return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
}

std::int64_t statement::integer(int column) const {
  return sqlite3_column_int64(handle_.get(), column);
}

double statement::real(int column) const {
  return sqlite3_column_double(handle_.get(), column);
}

std::string_view statement::text(int column) const {
  // The blob accessor leaves the bytes as they are; texts are stored in UTF-8.
  auto data = static_cast<const char*>(sqlite3_column_blob(handle_.get(), column));
  auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column));
  return data != nullptr ? std::string_view{data, size} : std::string_view{};
}

// -- time_limit ----------------------------------------------------------------------------------

namespace {

/// Steps of SQLite's machine between two looks at the clock: some tens of microseconds.
constexpr int steps_per_look = 1000;

} // namespace

time_limit::time_limit(database& db, duration most)
  : db_(db),
    end_(std::chrono::steady_clock::now()
         + std::chrono::duration_cast<std::chrono::steady_clock::duration>(most)) {
  sqlite3_progress_handler(db.handle(), steps_per_look, &is_over, this);
}

time_limit::~time_limit() {
  sqlite3_progress_handler(db_.handle(), 0, nullptr, nullptr);
}

int time_limit::is_over(void* self) {
  return std::chrono::steady_clock::now() >= static_cast<time_limit*>(self)->end_ ? 1 : 0;
}

// -- database ------------------------------------------------------------------------------------

database::database(const std::string& path, const std::string& vfs, int flags) {
  sqlite3* raw = nullptr;
  auto code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX,
                              vfs.empty() ? nullptr : vfs.c_str());
  handle_.reset(raw);
  if (code != SQLITE_OK)
    fail(raw, code);
  sqlite3_extended_result_codes(raw, 1);
}

void database::execute(const std::string& sql) {
  auto code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK)
    fail(handle_.get(), code);
}

statement& database::prepared(const char* sql) {
  auto found = prepared_.find(sql);
  if (found == prepared_.end())
    found = prepared_.emplace(sql, statement{handle_.get(), sql, true}).first;
  return found->second;
}

statement database::prepare(const std::string& sql) {
  return statement{handle_.get(), sql, false};
}

std::int64_t database::read_integer(const std::string& sql) {
  auto s = prepare(sql);
  return s.step() ? s.integer(0) : 0;
}

bool database::in_transaction() const noexcept {
  return sqlite3_get_autocommit(handle_.get()) == 0;
}

void database::roll_back() noexcept {
  if (in_transaction())
    sqlite3_exec(handle_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

int database::changes() const noexcept {
  return sqlite3_changes(handle_.get());
}

} // namespace reprise::store::sqlite
