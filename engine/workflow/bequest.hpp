#pragma once

#include "engine/machine/transition.hpp"

#include <vector>

// What runs leave to the one that a reset makes: messages that wait for an answer, and what they
// heard of others without a word in their history.

namespace reprise::engine {

/// What the new run takes over.
struct bequest {
  /// They wait for their answers in the new run.
  std::vector<outbox::Message> messages{};
  /// They have been answered, in a run where they waited before.
  std::vector<journal::RestedMessage> answered{};
  /// The run that is reset had closed by itself: its children know of it.
  bool children_were_told = false;
};

/// Messages of the run that is reset leave its outbox, where the new one waits for what they ask
/// for.
void leave_messages(transition& t, const execution& heir, bequest& left);
/// The same of the current run, for messages that an earlier reset of `base` moved there; and those
/// that were answered there.
void leave_moved_messages(transition& t, const execution& base, const execution& heir,
                          bequest& left);
/// The new run waits for what was left to it, and is told what `base` knew.
void take_over(transition& t, const execution& base, bequest&& left);

} // namespace reprise::engine
