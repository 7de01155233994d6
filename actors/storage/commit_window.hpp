#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace reprise::actors {

/// When the next group may be committed. A commit costs the same, whatever it carries: a flush, a
/// few pages, wake-ups. So while several callers write, commits begin at least a window apart, and
/// what gathers meanwhile shares all that; so many appends are company enough, and begin at once.
/// A workflow that is alone waits for nobody: its client and its worker have a call each under way.
class commit_window {
public:
  using clock = std::chrono::steady_clock;

  commit_window(std::size_t enough, clock::duration length) : enough_(enough), length_(length) {
  }

  clock::duration length() const noexcept {
    return length_;
  }

  /// A commit of so many begins.
  void begins(clock::time_point now, std::size_t members) {
    begun_ = now;
    had_company_ = members > of_one_workflow;
  }

  /// When that may be, now that so many appends wait and so many calls are under way, theirs among
  /// them; in the past: at once.
  clock::time_point opens(std::size_t waiting, std::int64_t calls) const {
    auto others = calls > std::int64_t{of_one_workflow};
    auto has_company = had_company_ || (others && calls > static_cast<std::int64_t>(waiting));
    return waiting >= enough_ || !has_company ? begun_ : begun_ + length_;
  }

private:
  static constexpr int of_one_workflow = 2;

  std::size_t enough_;
  clock::duration length_;
  clock::time_point begun_{};
  /// The last group was of several: more of them are on their way.
  bool had_company_ = false;
};

} // namespace reprise::actors
