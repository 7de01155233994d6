#include "tests/support/outside_commands.hpp"

namespace reprise::testing {

SCENARIO("Nexus operations find no endpoint") {
  engine_fixture f;
  f.start();
  auto c = bare(enums::COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION);
  c.mutable_schedule_nexus_operation_command_attributes()->set_endpoint("e");
  CHECK(told(f, {c}) == "BadScheduleNexusOperationAttributes: endpoint \"e\" not found");
}

SCENARIO("a Nexus operation that was never scheduled cannot be cancelled") {
  engine_fixture f;
  f.start();
  auto c = bare(enums::COMMAND_TYPE_REQUEST_CANCEL_NEXUS_OPERATION);
  c.mutable_request_cancel_nexus_operation_command_attributes()->set_scheduled_event_id(77);
  CHECK(told(f, {c})
        == "BadRequestCancelNexusOperationAttributes: requested cancelation for a "
           "non-existing or already completed operation with scheduled event ID of "
           "77");
}

} // namespace reprise::testing
