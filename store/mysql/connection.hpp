#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"
#include "store/mysql/dsn.hpp"

#include <cppconn/connection.h>
#include <cppconn/prepared_statement.h>
#include <cppconn/resultset.h>
#include <cppconn/statement.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <unordered_map>

namespace reprise::store::mysql {

/// What the server or the connection to it refused. Thrown inside this folder only.
class failure : public std::runtime_error {
public:
  failure(int code, const std::string& text) : std::runtime_error(text), code_(code) {
  }

  /// Not of the server: a row is not as this process believed to know.
  static constexpr int known_wrongly = -1;
  /// Nor this: the server was away a moment ago, and was not asked again yet.
  static constexpr int not_tried = -2;

  int code() const noexcept {
    return code_;
  }

  /// The connection is gone: whether the last statement was executed is not known.
  bool is_lost() const noexcept;
  /// The transaction met another one, or rested on what is not so; it was, or must be, rolled back
  /// and can be tried again on a new session.
  bool is_collision() const noexcept;
  /// A value that the tables do not take, or a row that is there already.
  bool is_bad_value() const noexcept;
  bool is_duplicate() const noexcept;
  /// The statement was ended since it took too long.
  bool is_timeout() const noexcept;

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

/// A statement whose text the server has parsed before. Belongs to its session.
class prepared_statement {
public:
  explicit prepared_statement(::sql::PreparedStatement* handle) : handle_(handle) {
  }

  // Each binds the next parameter, from the first on after an execution.
  void bind(std::int64_t n);
  void bind(std::uint64_t n);
  void bind(int n);
  void bind(std::string_view bytes);
  void bind(const std::optional<time_point>& t);

  /// The number of rows that changed.
  std::int64_t update();

private:
  std::unique_ptr<::sql::PreparedStatement> handle_;
  unsigned next_parameter_ = 1;
};

enum class role : std::uint8_t {
  /// Every statement belongs to a transaction, which COMMIT or ROLLBACK ends; the server does when
  /// the process stops talking for a while.
  writer,
  reader,
  /// A reader whose statements the server ends when they take too long.
  scanner,
};

/// One session. One thread at a time. Every method throws `failure` and nothing else.
class connection {
public:
  /// With an empty database name: none is chosen. `time_max`: of a scanner's statements.
  connection(const dsn& address, const std::string& database, role what, duration time_max = {});
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  void execute(const std::string& text);
  /// The number of rows that changed.
  std::int64_t update(const std::string& text);
  rows query(const std::string& text);
  /// Kept for the life of the session.
  prepared_statement& prepared(const std::string& text);

  std::int64_t id() const noexcept {
    return id_;
  }

  /// The most bytes that one statement may have.
  std::size_t packet_max() const noexcept {
    return packet_max_;
  }

private:
  void bound_silence();
  void bound_statements(duration time_max);

  std::unique_ptr<::sql::Connection> handle_;
  std::unique_ptr<::sql::Statement> statement_;
  std::unordered_map<std::string, prepared_statement> prepared_;
  std::int64_t id_ = 0;
  std::size_t packet_max_ = 0;
};

} // namespace reprise::store::mysql
