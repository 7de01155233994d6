#include "tests/fields/groups.hpp"
#include "tests/fields/probe.hpp"

#include <algorithm>

using namespace reprise;
using namespace reprise::fields;

namespace {

void look_at_namespaces(probe& p) {
  ws::ListNamespacesRequest list;
  p.look<ws::ListNamespacesResponse>(list);
  op::ListSearchAttributesRequest attributes;
  attributes.set_namespace_("default");
  auto answer = p.answer_to(attributes);
  if (answer)
    p.see(probe::read<op::ListSearchAttributesResponse>(answer));
  else
    p.see_error(answer.error());
}

template <class Request>
scenario asked(const std::string& name, Request r) {
  return {.name = name, .live = [r](probe& p) {
            p.start_workflow("w");
            p.ask(r);
            look_at_namespaces(p);
          }};
}

template <class Request>
Request in_default(Request r = {}) {
  r.set_namespace_("default");
  return r;
}

ws::RegisterNamespaceRequest new_namespace() {
  ws::RegisterNamespaceRequest r;
  r.set_namespace_("fresh");
  r.mutable_workflow_execution_retention_period()->set_seconds(86'400 * 2);
  return r;
}

op::AddSearchAttributesRequest added() {
  op::AddSearchAttributesRequest r;
  r.set_namespace_("default");
  (*r.mutable_search_attributes())["Fresh"] = enums::INDEXED_VALUE_TYPE_INT;
  return r;
}

op::RemoveSearchAttributesRequest removed() {
  op::RemoveSearchAttributesRequest r;
  r.set_namespace_("default");
  r.add_search_attributes("Number");
  return r;
}

} // namespace

TEST_CASE("every field of a call on namespaces shows, is refused, or is listed") {
  check_fields(namespace_methods,
               {asked("register", new_namespace()),
                asked("describe", in_default<ws::DescribeNamespaceRequest>()),
                asked("list", ws::ListNamespacesRequest{}),
                asked("update", in_default<ws::UpdateNamespaceRequest>()),
                asked("deprecate", in_default<ws::DeprecateNamespaceRequest>()),
                asked("add attributes", added()), asked("remove attributes", removed()),
                asked("list attributes", in_default<op::ListSearchAttributesRequest>()),
                asked("delete", in_default<op::DeleteNamespaceRequest>()),
                asked("clusters", op::ListClustersRequest{})});
}

TEST_CASE("every call that is served is walked") {
  // The first have no fields; the last two are answered for workers, and keep nothing.
  std::vector<std::string> walked{"GetClusterInfo", "GetSystemInfo", "GetSearchAttributes",
                                  "PollNexusTaskQueue", "RecordWorkerHeartbeat"};
  for (const auto& group :
       {start_methods, signal_methods, workflow_task_methods, update_methods, completion_methods,
        activity_methods, operator_methods, read_methods, queue_methods, reset_methods,
        batch_methods, namespace_methods})
    walked.insert(walked.end(), group.begin(), group.end());
  probe p{{}};
  for (const auto& m : p.front().methods())
    if (m->serve && m->path.starts_with("/temporal.api."))
      CHECK_MESSAGE(std::find(walked.begin(), walked.end(), m->name) != walked.end(), m->name);
}
