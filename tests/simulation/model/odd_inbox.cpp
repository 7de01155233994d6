#include "tests/simulation/model/odd_inbox.hpp"

#include "protocol/outbox.pb.h"

#include <cstdlib>

namespace reprise::simulation {

std::string odd_inbox::name_of(const std::string& message_id) const {
  if (plan_.what == loss::word)
    return message_id.substr(0, message_id.rfind(':')) + ":0";
  auto known = taken_.find(message_id);
  return known == taken_.end() ? message_id
                               : message_id + std::string(known->second.times - 1, '+');
}

/// A run knows nothing of what other runs of its id took: another row.
std::string odd_inbox::name_to_add(const std::string& message_id) const {
  auto known = taken_.find(message_id);
  auto again = plan_.what == loss::inbox_of_run && known != taken_.end()
               && !is_current(known->second);
  return name_of(message_id) + (again ? "+" : "");
}

bool odd_inbox::is_current(const taken& known) const {
  auto now = below_.current_run(known.namespace_id, machine_kind::workflow, known.workflow_id);
  return known.run_id.empty() || (now && *now && (*now)->run_id == known.run_id);
}

std::vector<store::transition> odd_inbox::named(std::span<const store::transition> group) const {
  std::vector<store::transition> out{group.begin(), group.end()};
  for (auto& t : out) {
    for (auto& message : t.inbox_adds)
      message.message_id = name_to_add(message.message_id);
    for (auto& message : t.inbox_forgets)
      message.message_id = name_of(message.message_id);
  }
  return out;
}

void odd_inbox::on_committed(const store::transition& t) {
  if (plan_.what != loss::inbox_of_run)
    return;
  for (const auto& message : t.inbox_adds) {
    auto& known = taken_[message.message_id];
    ++known.times;
    if (t.runs.empty())
      continue;
    const auto& head = t.runs.back().head;
    known.namespace_id = head.namespace_id;
    known.workflow_id = head.workflow_id;
    known.run_id = head.run_id;
  }
}

result<std::optional<store::inbox_row>> odd_inbox::read(store::slot_id slot,
                                                        const std::string& message_id) {
  auto known = taken_.find(message_id);
  if (known != taken_.end() && !is_current(known->second))
    return std::optional<store::inbox_row>{};
  auto row = below_.read_inbox(slot, name_of(message_id));
  if (!row || !*row)
    return row;
  (*row)->message_id = message_id;
  outbox::Answered answered;
  if (plan_.what == loss::word && answered.ParseFromString((*row)->answer)) {
    answered.set_word(std::strtoull(message_id.c_str() + message_id.rfind(':') + 1, nullptr, 10));
    (*row)->answer = answered.SerializeAsString();
  }
  return row;
}

} // namespace reprise::simulation
