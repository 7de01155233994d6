#pragma once

#include "engine/machine/api.hpp"
#include "engine/machine/context.hpp"
#include "engine/machine/inquiry.hpp"
#include "temporal/api/enums/v1/reset.pb.h"

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace reprise::engine {

/// Where a run is forked, and what the new run is to be told of what came behind that.
struct fork_point {
  std::string base_run_id{};
  /// The first event that does not come over.
  std::int64_t event_id = 0;
  std::set<int> left_out{};
};

/// Reads the history of a run that is reset, and of those that continued it: folds what comes in
/// front of the point, as if each event had just been written to the new run, and keeps what is to
/// be told again of the rest.
///
/// The new run's journal begins with those very events. Of the facts beside them it takes none:
/// attempts, sticky queues, heartbeats and what else they tell is of the run that was. What it
/// needs all the same is in `created`, or is told anew by its first transition.
class fork final : public inquiry {
public:
  /// `created` is of the new run.
  fork(fork_point at, const journal::RunCreated& created, const limits& bounds);

  std::optional<history_place> wanted() const override;
  void take(const told_row& row) override;
  void no_more(bool found) override;
  std::optional<history_place> open_end() const override;
  void go_on() override;
  std::optional<copied_beginning> copy() const override;

  // -- what was found -----------------------------------------------------------------------------

  /// Why the run cannot be reset there.
  const std::optional<error>& problem() const {
    return problem_;
  }

  const std::string& new_run_id() const {
    return state_.created().run_id();
  }

  /// All in front of the point is read, and no more of it wanted.
  bool is_read() const {
    return !wanted() && has_reached_point();
  }

  /// As it is behind what was copied.
  const execution& state() const {
    return state_;
  }

  /// The new run behind what was copied.
  execution take_state() && {
    return std::move(state_);
  }

  /// They come over, but their row in the base's journal has more behind them.
  const std::vector<history_event>& cut_off() const {
    return cut_off_;
  }

  /// Requests that were attached to the base in front of the point.
  const std::vector<journal::RequestId>& attached() const {
    return attached_;
  }

  /// To be told again, in order.
  const std::vector<history_event>& later() const {
    return later_;
  }

private:
  bool has_reached_point() const {
    return reached_;
  }

  void take_before(const told_row& row);
  void fold_row(const told_row& row);
  void cut_row(const told_row& row);
  void note_before(const history_event& event);
  void reach();
  void take_later(const told_row& row);
  void note_later(history_event& event);
  void fail(error why);

  fork_point at_;
  std::size_t later_bytes_max_;
  int runs_max_;
  execution state_;
  record begin_;
  std::optional<error> problem_;

  /// The run that is read, and how far.
  history_place place_;
  bool store_is_read_ = false;
  bool closed_ = false;
  bool reached_ = false;
  std::string continued_in_;
  int runs_ = 1;

  std::uint64_t last_seq_ = 0;
  std::vector<history_event> cut_off_;
  /// The last workflow task ended badly, and the next attempt is in no history.
  bool task_is_due_ = false;
  std::vector<journal::RequestId> attached_;
  std::vector<history_event> later_;
  std::size_t later_bytes_ = 0;
};

} // namespace reprise::engine
