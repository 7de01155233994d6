#include "engine/kept_state.hpp"

#include "engine/evolve.hpp"

namespace reprise::engine {

namespace {

/// Moves the parts that are not copied from one state to another.
void move_large_parts(execution& from, execution& to) {
  to.set_allocated_created(from.release_created());
  to.set_allocated_started(from.release_started());
  to.mutable_request_ids()->swap(*from.mutable_request_ids());
  to.mutable_signal_ids()->swap(*from.mutable_signal_ids());
}

} // namespace

kept_state::kept_state(execution& current) {
  for (const auto& event : current.buffered_events()) {
    auto i = current.request_ids().find(attached_request_id(event));
    if (i != current.request_ids().end())
      waiting_.push_back(i->second);
  }
  execution parts;
  move_large_parts(current, parts);
  kept_ = current;
  move_large_parts(parts, current);
}

execution kept_state::restore(execution&& worked_on) && {
  move_large_parts(worked_on, kept_);
  for (auto& request : waiting_)
    (*kept_.mutable_request_ids())[request.id()] = std::move(request);
  return std::move(kept_);
}

} // namespace reprise::engine
