#include "tests/fields/groups.hpp"
#include "tests/fields/probe.hpp"

using namespace reprise;
using namespace reprise::fields;

namespace {

ws::UpdateTaskQueueConfigRequest config() {
  ws::UpdateTaskQueueConfigRequest r;
  r.set_namespace_("default");
  r.set_identity("me");
  r.set_task_queue("queue");
  r.set_task_queue_type(enums::TASK_QUEUE_TYPE_ACTIVITY);
  r.mutable_update_queue_rate_limit()->mutable_rate_limit()->set_requests_per_second(5);
  return r;
}

ws::ListTaskQueuePartitionsRequest partitions() {
  ws::ListTaskQueuePartitionsRequest r;
  r.set_namespace_("default");
  r.mutable_task_queue()->set_name("queue");
  return r;
}

template <class Request>
scenario of(const std::string& name, const Request& r) {
  return {.name = name, .live = [r](probe& p) {
            p.ask(r);
            p.look_on();
          }};
}

} // namespace

TEST_CASE("every field of a call on task queues shows, is refused, or is listed") {
  check_fields(queue_methods, {of("config", config()), of("partitions", partitions())});
}
