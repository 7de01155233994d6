#pragma once

#include "base/error.hpp"
#include "store/mysql/dsn.hpp"

#include <cppconn/connection.h>
#include <cppconn/resultset.h>
#include <cppconn/statement.h>

#include <memory>
#include <stdexcept>

namespace reprise::store::mysql {

/// What the server or the connection to it refused. Thrown inside this folder only.
class failure : public std::runtime_error {
public:
  failure(int code, const std::string& text) : std::runtime_error(text), code_(code) {
  }

  int code() const noexcept {
    return code_;
  }

  /// The connection is gone: whether the last statement was executed is not known.
  bool is_lost() const noexcept;
  /// The transaction met another one; it was, or must be, rolled back and can be tried again.
  bool is_collision() const noexcept;
  /// A value that the tables do not take, or a row that is there already.
  bool is_bad_value() const noexcept;
  bool is_duplicate() const noexcept;

private:
  int code_;
};

error to_error(const failure& f);

/// The rows of one answer, all in memory. Columns count from 1. Throws `failure`.
class rows {
public:
  explicit rows(::sql::ResultSet* set) : set_(set) {
  }

  bool next();
  bool is_null(unsigned column) const;
  std::int64_t integer(unsigned column) const;
  std::uint64_t natural(unsigned column) const;
  double real(unsigned column) const;
  /// NULL reads as empty.
  std::string text(unsigned column) const;

private:
  std::unique_ptr<::sql::ResultSet> set_;
};

enum class role : std::uint8_t {
  /// Its open transaction is ended by the server when the process stops talking for a while.
  writer,
  reader,
};

/// One session. One thread at a time. Every method throws `failure` and nothing else.
class connection {
public:
  /// With an empty database name: none is chosen.
  connection(const dsn& address, const std::string& database, role what);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  void execute(const std::string& text);
  /// The number of rows that changed.
  std::int64_t update(const std::string& text);
  rows query(const std::string& text);

  std::int64_t id() const noexcept {
    return id_;
  }

  /// The most bytes that one statement may have.
  std::size_t packet_max() const noexcept {
    return packet_max_;
  }

private:
  std::unique_ptr<::sql::Connection> handle_;
  std::unique_ptr<::sql::Statement> statement_;
  std::int64_t id_ = 0;
  std::size_t packet_max_ = 0;
};

} // namespace reprise::store::mysql
