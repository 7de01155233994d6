#pragma once

#include "store/filter.hpp"
#include "store/value_counts.hpp"

#include <map>

// How many runs are listed, by type and status, kept up to date by each commit that writes a row.
// Runs of a namespace division are not in it: lists show them to those alone who ask for them.
namespace reprise::store::sql {

/// Tells one count. Nobody but the owner of a shard writes its counts; readers add them up.
struct count_key {
  std::string namespace_id{};
  machine_kind kind = machine_kind::workflow;
  int shard = 0;
  std::string workflow_type{};
  int status = 0;
  friend auto operator<=>(const count_key&, const count_key&) = default;
};

/// What a commit changes.
class count_changes {
public:
  /// The row is listed from now on, or as it was no longer.
  void add(const visibility_row& row, int shard);
  void remove(const visibility_row& row, int shard);
  /// The run goes: nobody may count as it did any more.
  void erase(const visibility_row& row, int shard);
  void merge(const count_changes& more);
  void clear() noexcept;

  struct change {
    std::int64_t by = 0;
    /// It may be zero for good.
    bool may_end = false;
  };

  /// Those that are not nothing, in order.
  const std::map<count_key, change>& all() noexcept;

private:
  change* find(const visibility_row& row, int shard);

  std::map<count_key, change> changes_{};
};

/// Whether the counts tell how many rows match, and how many by each value of `group_by` (empty: by
/// none).
bool is_in_counts(const filter& f, const std::string& group_by);

/// Adds one count up, where it matches.
class counts_reader {
public:
  explicit counts_reader(const filter& f) : filter_(f) {
  }

  void add(std::string workflow_type, int status, std::int64_t count);

  std::int64_t total() const noexcept {
    return total_;
  }

  result<std::vector<group_count>> groups(const std::string& group_by, value_type type) const;

private:
  const filter& filter_;
  std::int64_t total_ = 0;
  std::vector<std::pair<visibility_row, std::int64_t>> found_{};
};

} // namespace reprise::store::sql
