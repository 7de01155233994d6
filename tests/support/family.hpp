#pragma once

// A parent, its child, and the messages between them.

#include "tests/support/outside_commands.hpp"
#include "tests/support/post.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace reprise::testing {

inline command child_with(enums::ParentClosePolicy policy, const std::string& id = "child") {
  auto c = child(id);
  auto& a = *c.mutable_start_child_workflow_execution_command_attributes();
  a.set_parent_close_policy(policy);
  a.mutable_task_queue()->set_name("tq");
  return c;
}

/// A parent "wf" whose first task asks for these.
class family : public post {
public:
  activity_fixture& parent = at("wf");
  activity_fixture& kid = at("child");

  void begin(const std::vector<command>& commands) {
    parent.start();
    REQUIRE_FALSE(parent.complete(parent.poll(), commands).answer.failure);
  }

  /// The parent's last message goes, and its answer comes back.
  outbox::Answer exchange(const std::string& from = "wf") {
    auto m = take(from);
    auto said = deliver(from, m);
    REQUIRE(said);
    REQUIRE(answer(from, *said));
    forget(m);
    return said->answer();
  }

  history_event last(activity_fixture& f, enums::EventType type, std::size_t run) {
    auto events = f.events_of(run);
    auto i = std::find_if(events.rbegin(), events.rend(),
                          [&](const auto& e) { return e.event_type() == type; });
    REQUIRE(i != events.rend());
    return *i;
  }

  std::size_t count(activity_fixture& f, const std::string& type) {
    std::size_t n = 0;
    for (std::size_t run = 0; run < f.runs.size(); ++run) {
      auto types = f.types(run);
      n += static_cast<std::size_t>(std::ranges::count(types, type));
    }
    return n;
  }

  std::size_t open_children() {
    std::size_t n = 0;
    for (const auto& run : kid.runs)
      n += engine::is_open(run.state) && run.state.started().has_parent_workflow_execution();
    return n;
  }
};

} // namespace reprise::testing
