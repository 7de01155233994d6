#pragma once

#include "engine/machine/transition.hpp"

#include <optional>
#include <string>

namespace reprise::engine {

/// What a signal carries, of whichever call.
struct signal_parts {
  const std::string& name;
  const api::common::v1::Payloads* input = nullptr;
  const std::string& identity;
  const std::string& request_id;
  const api::common::v1::Header* header = nullptr;
  const google::protobuf::RepeatedPtrField<api::common::v1::Link>& links;
  /// The workflow that it comes from; null: a client.
  const api::common::v1::WorkflowExecution* from = nullptr;
};

/// Refuses a signal that the run cannot take now.
std::optional<error> check_signal(const execution& x, const context& c);
/// True when the run has seen a signal with this request id.
bool signal_seen(const execution& x, const std::string& request_id);
/// Writes the signal and remembers its request id.
void add_signal(transition& t, const signal_parts& s);
/// The link to a signal's event, by its request id.
api::common::v1::Link signal_link(const execution& x, const std::string& request_id,
                                  const context& c);

} // namespace reprise::engine
