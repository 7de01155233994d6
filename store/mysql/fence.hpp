#pragma once

#include "store/mysql/connection.hpp"

#include <cstdint>

namespace reprise::store::mysql {

/// By which a store object may write: a row of its own in `fences`, of an incarnation that nobody
/// else ever has. Every group begins with a write of that row, so groups and whoever ends the row
/// wait for each other, and none comes behind its end. The row counts the groups that are durable:
/// so the outcome of a COMMIT whose answer was lost can be looked up, and a database that came back
/// without its last commits is known by its number. Guarded by the writer's mutex.
class fence {
public:
  enum class finding : std::uint8_t {
    /// What was answered is stored, and no more.
    as_answered,
    /// And so is the group whose answer was lost.
    one_more,
    /// Somebody ended the row: nothing of this incarnation is written any more.
    ended,
    /// Fewer groups are stored than were answered.
    fewer,
  };

  /// False: nothing may be written.
  bool is_held() const noexcept {
    return incarnation_ != 0;
  }

  std::int64_t incarnation() const noexcept {
    return incarnation_;
  }

  /// The row must have been made, with no commits, by the join of that number.
  void take(std::int64_t incarnation, std::int64_t joined) noexcept;
  void drop() noexcept;

  /// The first statement of a group; it begins the transaction. False: the row is not as it was
  /// left, look at it.
  bool begin(connection& db) const;
  /// Within the transaction that begin() began in vain.
  finding look(connection& db) const;
  /// The first words of a new session, in a transaction of their own: it waits for what an earlier
  /// session left open, tells the row whose it is now, and looks. Settles what was in doubt.
  finding enter(connection& db);

  /// A group's COMMIT was answered.
  void count() noexcept {
    ++commits_;
  }

  /// The answer to a COMMIT on that session was lost.
  void doubt(std::int64_t session) noexcept;

  bool is_in_doubt() const noexcept {
    return is_in_doubt_;
  }

  /// Groups that were answered and were not there when the last look found `fewer`.
  std::uint64_t lost() const noexcept {
    return lost_;
  }

private:
  finding read(connection& db) const;

  std::int64_t incarnation_ = 0;
  std::int64_t joined_ = 0;
  /// Durable groups, as far as they were answered.
  std::uint64_t commits_ = 0;
  bool is_in_doubt_ = false;
  /// May still hold the row, or have its COMMIT on the way; 0: none.
  std::int64_t doubtful_session_ = 0;
  mutable std::uint64_t lost_ = 0;
};

/// Ends a session of this database's own user, if it is there, so that its locks are not waited
/// for. The numbers of a server that was started anew mean others: only one that works on this
/// database is ended, which costs its owner a reconnect.
void end_session(connection& db, std::int64_t session);

} // namespace reprise::store::mysql
