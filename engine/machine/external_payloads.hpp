#pragma once

#include "temporal/api/history/v1/message.pb.h"

#include <cstdint>

namespace reprise::engine {

/// What an event tells of payloads that lie outside of the history, in a store of its users' own.
struct external_payloads {
  std::int64_t count = 0;
  std::int64_t bytes = 0;
};

/// The sum with one more size, as far as it can be told. Sizes are what clients claim: one below
/// zero is none.
std::int64_t add_sizes(std::int64_t sum, std::int64_t size);

/// Those of all payloads in the event but search attributes.
external_payloads external_payloads_of(const temporal::api::history::v1::HistoryEvent& event);

} // namespace reprise::engine
