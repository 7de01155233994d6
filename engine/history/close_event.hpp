#pragma once

#include "temporal/api/history/v1/message.pb.h"

#include <google/protobuf/map.h>

#include <string>

namespace reprise::engine {

/// The closing event as this client shall see it, serialised. Clients that do not say that they
/// follow run ids by themselves see the close of a run that goes on in another one (retry, cron) as
/// a continue-as-new, which they do follow.
std::string close_event_for(const temporal::api::history::v1::HistoryEvent& event,
                            const google::protobuf::Map<std::string, std::string>& headers);

} // namespace reprise::engine
