#pragma once

#include "engine/machine/transition.hpp"

#include <string>

// Workflows that run under others: what the life of a run needs of it.

namespace reprise::engine {

/// Who hears of a run's close.
enum class family_at_close : std::uint8_t {
  /// Its children hear of their policy, its parent of the end of its chain.
  told,
  /// Nobody: a reset made another run, which goes on in its place.
  not_told,
};

/// What the close of a run means for its children and its parent. `close`: the closing event.
void tell_family(transition& t, const history_event& close);
/// A reset ended the run and made another one, whose its children are now.
bool has_gone_on_by_reset(const execution& x);
/// The report is about a child of this run, whichever run it names.
bool has_child_of(const execution& x, const outbox::ChildClosed& report);
/// The message is for a child of this run alone.
void address_child(outbox::Message& message, const execution& x);
/// A run that a reset made of `base` takes over its children: of what `base` heard of them when it
/// was closed it hears now. `policies_hold`: they were told how `base` ended.
void take_over_children(transition& t, const execution& base, bool policies_hold);
/// Asks for the child once more, as this run: nobody shall take that start, which was withdrawn.
void start_again(transition& t, outbox::Message withdrawn);

} // namespace reprise::engine
