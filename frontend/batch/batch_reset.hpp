#pragma once

#include "frontend/batch/batch_calls.hpp"
#include "frontend/batch/own_calls.hpp"

#include <functional>
#include <memory>
#include <string>

namespace reprise::frontend {

/// Of a batch, and one of its runs.
struct batch_reset_order {
  std::shared_ptr<const batch_request> job{};
  time_point began{};
  batch::Target to{};
  std::string request_id{};
};

/// Resets one run: finds the event, looks whether the run was reset since the batch began (a page
/// that was lost on the way is done again), and resets it. `done` is called exactly once.
void reset_run(own_calls& api, batch_reset_order order, std::function<void(batch_verdict)> done);

} // namespace reprise::frontend
