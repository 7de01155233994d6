#pragma once

#include "base/error.hpp"
#include "store/sql/condition.hpp"

#include <sqlite3.h>

#include <memory>
#include <stdexcept>
#include <string_view>
#include <unordered_map>

namespace reprise::store::sqlite {

/// What SQLite refused. Thrown inside this folder only; the store's methods turn it into an error.
class failure : public std::runtime_error {
public:
  failure(int code, const std::string& text) : std::runtime_error(text), code_(code) {
  }

  /// The extended result code.
  int code() const noexcept {
    return code_;
  }

  int primary_code() const noexcept {
    return code_ & 0xff;
  }

private:
  int code_;
};

/// The error that a caller sees: unavailable when trying again can help, data_loss when the file
/// cannot be understood.
error to_error(const failure& f);

/// A prepared statement. Texts and blobs are bound without a copy: they must live until the
/// statement is reset. Belongs to its connection's thread.
class statement {
public:
  statement(sqlite3* db, std::string_view sql, bool keep);

  /// Binds the next parameters, from the first after a reset on.
  statement& bind(std::int64_t value);
  statement& bind(std::string_view text);
  statement& bind_blob(std::string_view bytes);
  statement& bind(double value);
  statement& bind_null();
  statement& bind(const std::optional<time_point>& t);
  statement& bind_optional(const std::optional<std::string>& text);
  /// Empty texts are stored as NULL.
  statement& bind_unless_empty(std::string_view text);
  statement& bind_parameter(const sql::parameter& p);
  /// For a function that asks for a pointer of this type (a literal). Never written to.
  statement& bind_pointer(const void* p, const char* type);

  /// True when there is a row.
  bool step();
  /// Runs a statement that has no rows to the end and resets it.
  void run();
  void reset() noexcept;

  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  /// Valid until the next step.
  std::string_view text(int column) const;

  std::string string(int column) const {
    return std::string{text(column)};
  }

private:
  struct finalizer {
    void operator()(sqlite3_stmt* s) const noexcept {
      sqlite3_finalize(s);
    }
  };

  void check(int code);

  std::unique_ptr<sqlite3_stmt, finalizer> handle_;
  int next_parameter_ = 1;
};

/// Resets a statement at the end of a scope, so that it holds no lock and no borrowed text.
class running {
public:
  explicit running(statement& s) : statement_(s) {
  }

  ~running() {
    statement_.reset();
  }

  running(const running&) = delete;
  running& operator=(const running&) = delete;

  statement* operator->() const {
    return &statement_;
  }

  statement& operator*() const {
    return statement_;
  }

private:
  statement& statement_;
};

class database;

/// Ends a connection's statements that run for longer than that (SQLITE_INTERRUPT), while it lives.
class time_limit {
public:
  time_limit(database& db, duration most);
  ~time_limit();
  time_limit(const time_limit&) = delete;
  time_limit& operator=(const time_limit&) = delete;

private:
  static int is_over(void* self);

  database& db_;
  const std::chrono::steady_clock::time_point end_;
};

/// One connection. One thread at a time.
class database {
public:
  database(const std::string& path, const std::string& vfs, int flags);

  /// Runs statements that need no parameters.
  void execute(const std::string& sql);
  /// A statement that is kept for the life of the connection. `sql` must be a literal: it is told
  /// by its address.
  statement& prepared(const char* sql);
  /// A statement for once.
  statement prepare(const std::string& sql);
  std::int64_t read_integer(const std::string& sql);

  bool in_transaction() const noexcept;
  /// Ends an open transaction without its writes; nothing when there is none.
  void roll_back() noexcept;
  int changes() const noexcept;

  sqlite3* handle() const noexcept {
    return handle_.get();
  }

private:
  struct closer {
    void operator()(sqlite3* db) const noexcept {
      sqlite3_close_v2(db);
    }
  };

  std::unique_ptr<sqlite3, closer> handle_;
  // Declared behind the handle: statements go before their connection.
  std::unordered_map<const char*, statement> prepared_;
};

} // namespace reprise::store::sqlite
