#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"
#include "protocol/batch.pb.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What a batch asks of the API for one run, and for its list of runs. Nothing here waits or sends.

namespace reprise::frontend {

using batch_request = temporal::api::workflowservice::v1::StartBatchOperationRequest;

/// A call of the API: its method's name, its request in the wire form.
struct batch_call {
  std::string method{};
  std::string request{};
};

/// What the batch does to this run; nothing for a reset, which takes several calls.
std::optional<batch_call> call_on(const batch_request& job, const batch::Target& to,
                                  const std::string& request_id);

/// The same for the same run of the same batch, however often it is tried: a UUID.
std::string request_id_of(const std::string& batch_run_id, const batch::Target& to);

/// The query that finds the batch's runs: those that had begun when the batch did, and are open
/// where it acts on no others.
std::string list_query(const batch_request& job, time_point began);

/// Those of the named runs that stand from this place on, at most so many.
std::vector<batch::Target> named_targets(const batch_request& job, std::int64_t place,
                                         std::size_t most);
std::int64_t count_named(const batch_request& job);

/// What an answer means for one run.
enum class batch_verdict : std::uint8_t {
  done,
  failed,
  /// It may be better later.
  again,
};

batch_verdict verdict_on(const error& why);
/// What it means that there is no workflow of that id.
batch_verdict verdict_on_absence(const batch_request& job);

} // namespace reprise::frontend
