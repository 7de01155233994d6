#pragma once

#include "actors/call/outcome.hpp"
#include "engine/machine/inquiry.hpp"
#include "store/store.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace reprise::actors {

/// What a call's decision has to know of histories (engine::inquiry), while readers read it and
/// copy what a new run begins with. It is done in steps, each of which is a job of its own: a
/// history may be long, and others wait for the same readers and the same disk.
struct gathering {
  call_ptr for_call{};
  engine::inquiry_ptr asked{};
  std::string namespace_id{};
  machine_kind kind = machine_kind::workflow;
  std::string workflow_id{};
  /// Of the run that will begin with what is copied.
  std::int64_t to_key = 0;
  time_point begun_at{};
  std::size_t step_bytes_max = 0;

  /// The store could not be read or written, or a history went meanwhile: to be begun anew.
  bool failed = false;
  /// All that the inquiry wants copied lies in the store.
  bool is_copied = false;
  /// Of that, the new run's own first row included.
  std::uint64_t copied_rows = 0;

  /// Nothing is left to read or to copy.
  bool is_done() const;
  /// One read or one copy. Blocks.
  void step(store::store& db);

private:
  /// Rows of the first run that lie side by side in its journal.
  struct stretch {
    std::uint64_t first_seq = 0;
    std::uint64_t last_seq = 0;
    std::size_t rows = 0;
  };

  struct known_run {
    std::string run_id{};
    std::int64_t key = 0;
  };

  void read(store::store& db, const engine::history_place& from);
  bool find(store::store& db, const std::string& run_id);
  void take(std::vector<store::journal_row> rows);
  void copy(store::store& db, const engine::copied_beginning& what);

  std::optional<known_run> run_;
  /// Of the run that was read first: where the copy is from.
  std::int64_t from_key_ = 0;
  bool first_is_read_ = false;
  std::vector<stretch> stretches_;
  std::size_t next_stretch_ = 0;
  bool swept_ = false;
};

using gathering_ptr = std::shared_ptr<gathering>;

} // namespace reprise::actors
