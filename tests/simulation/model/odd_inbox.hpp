#pragma once

#include "store/store.hpp"
#include "tests/simulation/model/losses.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace reprise::simulation {

/// What the servers' inbox would be if it were made otherwise than it is: it stands between the
/// disk and its store, and names rows as such a server would. Nothing is changed where no such
/// fault is planted.
class odd_inbox {
public:
  odd_inbox(const loss_plan& plan, store::store& below) : plan_(plan), below_(below) {
  }

  /// Whether it changes anything.
  bool is_odd() const noexcept {
    return plan_.what == loss::inbox_of_run || plan_.what == loss::word;
  }

  /// As it is to be written.
  std::vector<store::transition> named(std::span<const store::transition> group) const;
  void on_committed(const store::transition& t);
  result<std::optional<store::inbox_row>> read(store::slot_id slot, const std::string& message_id);

private:
  /// The run that took a message, and how often one did.
  struct taken {
    std::string namespace_id{};
    std::string workflow_id{};
    std::string run_id{};
    int times = 0;
  };

  std::string name_of(const std::string& message_id) const;
  std::string name_to_add(const std::string& message_id) const;
  bool is_current(const taken& known) const;

  const loss_plan& plan_;
  store::store& below_;
  std::map<std::string, taken> taken_;
};

} // namespace reprise::simulation
