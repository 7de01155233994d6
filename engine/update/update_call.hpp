#pragma once

#include "engine/history/pager.hpp"
#include "engine/machine/decision.hpp"
#include "engine/machine/step.hpp"
#include "temporal/api/enums/v1/update.pb.h"
#include "temporal/api/update/v1/message.pb.h"

#include <memory>
#include <string>

namespace reprise::engine {

using update_stage = temporal::api::enums::v1::UpdateWorkflowExecutionLifecycleStage;

/// How long a caller waits before it is told how far its update has come.
inline constexpr duration update_wait_default = std::chrono::seconds{20};

/// The id of the message that asks a worker about an update.
std::string update_message_id(const std::string& update_id);

/// What a caller asks of an update, and what it is told: one that brings it, alone or with the
/// start of its run, or one that only waits for it.
class update_call {
public:
  /// The request is one of the three.
  explicit update_call(std::shared_ptr<cluster::ExecutionRequest> request);

  const std::string& update_id() const;
  /// The stage that it waits for; none: it is told at once how far the update is.
  update_stage wanted() const;
  /// Null: it only waits.
  std::shared_ptr<const temporal::api::update::v1::Request> update() const;
  /// Until when it waits. Written into the request: it holds, too, for who is asked next.
  time_point wait_until(time_point now);

  /// This start began the run; written into the request, too.
  void note_began(const std::string& run_id);
  bool began(const std::string& run_id) const;

  /// `outcome`: null while there is none.
  told answer(const execution& x, update_stage reached,
              const temporal::api::update::v1::Outcome* outcome = nullptr) const;
  /// The answer that has to be read: the outcome of an update which was completed.
  page_plan answer_from(const execution& x, std::int64_t completed_event_id) const;
  /// The update cannot be had, of this run if one is known.
  error refusal(error why, const std::string& run_id) const;
  /// The start that it comes with cannot be done.
  static error start_refusal(const error& why);

private:
  bool is_poll() const;
  bool is_with_start() const;
  const temporal::api::workflowservice::v1::UpdateWorkflowExecutionRequest& request() const;
  temporal::api::workflowservice::v1::UpdateWorkflowExecutionResponse
  update_response(const execution& x, update_stage reached,
                  const temporal::api::update::v1::Outcome* outcome) const;
  temporal::api::workflowservice::v1::StartWorkflowExecutionResponse
  start_response(const execution& x) const;

  std::shared_ptr<cluster::ExecutionRequest> request_;
};

// -- outcomes that the server makes
// -----------------------------------------------------------------

/// Of an update that its worker did not speak about.
temporal::api::update::v1::Outcome unprocessed_outcome();
/// Of one that was accepted, and whose run closed before it was completed.
temporal::api::update::v1::Outcome closed_before_completion();

} // namespace reprise::engine
