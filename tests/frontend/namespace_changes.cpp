// What namespaces may become, and what a call on a chain or on a run's options means.

#include "store/open.hpp"
#include "tests/support/server_fixture.hpp"

#include <memory>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;

namespace {

struct namespace_fixture : server_fixture {
  static ws::RegisterNamespaceRequest named(const std::string& name) {
    ws::RegisterNamespaceRequest r;
    r.set_namespace_(name);
    r.mutable_workflow_execution_retention_period()->set_seconds(90'000);
    return r;
  }

  static ws::UpdateNamespaceRequest change_of(const std::string& name) {
    ws::UpdateNamespaceRequest r;
    r.set_namespace_(name);
    return r;
  }

  ws::DescribeNamespaceResponse described(const std::string& name) {
    ws::DescribeNamespaceRequest r;
    r.set_namespace_(name);
    return ok<ws::DescribeNamespaceResponse>(r);
  }
};

struct chain_fixture : server_fixture {
  ws::DescribeWorkflowExecutionResponse described() {
    ws::DescribeWorkflowExecutionRequest r;
    r.set_namespace_("default");
    r.mutable_execution()->set_workflow_id("w");
    return ok<ws::DescribeWorkflowExecutionResponse>(r);
  }
};

} // namespace

TEST_CASE("the server's own namespace can be described and changed, and not be deleted") {
  std::shared_ptr<store::store> db = store::open_memory();
  // Twice: as a server that starts on a store that has it.
  REQUIRE(cli::ensure_system_namespace(*db));
  REQUIRE(cli::ensure_system_namespace(*db));
  server_fixture f{{.store = db}};
  ws::DescribeNamespaceRequest by_name;
  by_name.set_namespace_("temporal-system");
  auto known = f.ok<ws::DescribeNamespaceResponse>(by_name);
  ws::DescribeNamespaceRequest by_id;
  by_id.set_id("32049b68-7872-4094-8e63-d0dd59896a83");
  CHECK(f.ok<ws::DescribeNamespaceResponse>(by_id).SerializeAsString()
        == known.SerializeAsString());
  CHECK(known.namespace_info().id() == by_id.id());
  CHECK(known.namespace_info().state() == enums::NAMESPACE_STATE_REGISTERED);
  ws::UpdateNamespaceRequest change;
  change.set_namespace_("temporal-system");
  change.mutable_update_info()->set_description("mine");
  f.ok<ws::UpdateNamespaceResponse>(change);
  CHECK(f.ok<ws::DescribeNamespaceResponse>(by_name).namespace_info().description() == "mine");
  constexpr const char* text = "unable to delete system namespace";
  op::DeleteNamespaceRequest gone;
  gone.set_namespace_("temporal-system");
  f.refused(errc::failed_precondition, text, gone);
  gone.clear_namespace_();
  gone.set_namespace_id(by_id.id());
  f.refused(errc::failed_precondition, text, gone);
  CHECK(f.ok<ws::DescribeNamespaceResponse>(by_name).namespace_info().state()
        == enums::NAMESPACE_STATE_REGISTERED);
}

TEST_CASE_FIXTURE(namespace_fixture, "a namespace leaves a state only towards its end") {
  ok<ws::RegisterNamespaceResponse>(named("n"));
  auto become = [&](enums::NamespaceState state) {
    auto r = change_of("n");
    r.mutable_update_info()->set_state(state);
    return r;
  };
  constexpr const char* text = "Invalid namespace state update.";
  auto strange = become(static_cast<enums::NamespaceState>(9));
  refused(errc::invalid_argument, text, strange);
  ok<ws::UpdateNamespaceResponse>(become(enums::NAMESPACE_STATE_REGISTERED));
  ok<ws::UpdateNamespaceResponse>(become(enums::NAMESPACE_STATE_DEPRECATED));
  auto back = become(enums::NAMESPACE_STATE_REGISTERED);
  back.mutable_update_info()->set_description("new");
  refused(errc::invalid_argument, text, back);
  CHECK(described("n").namespace_info().description().empty());
  ok<ws::UpdateNamespaceResponse>(become(enums::NAMESPACE_STATE_DEPRECATED));
  ok<ws::UpdateNamespaceResponse>(become(enums::NAMESPACE_STATE_DELETED));
  refused(errc::invalid_argument, text, become(enums::NAMESPACE_STATE_DEPRECATED));
  // The state alone erases nothing; the call to delete does.
  advance(30s);
  CHECK(described("n").namespace_info().state() == enums::NAMESPACE_STATE_DELETED);
  op::DeleteNamespaceRequest gone;
  gone.set_namespace_("n");
  CHECK(ok<op::DeleteNamespaceResponse>(gone).deleted_namespace().starts_with("n-deleted-"));
  ws::DescribeNamespaceRequest r;
  r.set_namespace_("n");
  CHECK(refusal(r).code == errc::not_found);
}

TEST_CASE_FIXTURE(namespace_fixture, "a retention of more than a century is a century") {
  constexpr std::int64_t century = 3'153'600'000;
  auto r = named("n");
  r.mutable_workflow_execution_retention_period()->set_seconds(100'000'000'000);
  ok<ws::RegisterNamespaceResponse>(r);
  CHECK(described("n").config().workflow_execution_retention_ttl().seconds() == century);
  auto change = change_of("default");
  change.mutable_config()->mutable_workflow_execution_retention_ttl()->set_seconds(century + 1);
  ok<ws::UpdateNamespaceResponse>(change);
  CHECK(described("default").config().workflow_execution_retention_ttl().seconds() == century);
}

TEST_CASE_FIXTURE(namespace_fixture, "a namespace lives in the one cluster that there is") {
  auto r = named("n");
  r.add_clusters()->set_cluster_name("elsewhere");
  refused(errc::invalid_argument, "Invalid cluster name: elsewhere", r);
  r.mutable_clusters(0)->set_cluster_name("active");
  r.add_clusters()->set_cluster_name("active");
  refused(errc::invalid_argument, "Invalid local namespace clusters", r);
  r.mutable_clusters()->RemoveLast();
  ok<ws::RegisterNamespaceResponse>(r);
  // Whoever is there already is told before.
  r.set_active_cluster_name("elsewhere");
  CHECK(refusal(r).code == errc::already_exists);
  auto change = change_of("n");
  change.mutable_replication_config()->set_active_cluster_name("elsewhere");
  refused(errc::invalid_argument, "Invalid cluster name: elsewhere", change);
  change.mutable_replication_config()->set_active_cluster_name("active");
  ok<ws::UpdateNamespaceResponse>(change);
  change.mutable_replication_config()->set_state(enums::REPLICATION_STATE_HANDOVER);
  refused(errc::invalid_argument, "Handover can only be set for global namespace", change);
  change.clear_replication_config();
  change.set_promote_namespace(true);
  refused(errc::invalid_argument,
          "global namespace is not enabled on this cluster, cannot update global namespace or "
          "promote local namespace: n",
          change);
}

TEST_CASE_FIXTURE(namespace_fixture, "ten bad binaries are kept, not eleven") {
  auto change = change_of("default");
  auto& binaries = *change.mutable_config()->mutable_bad_binaries()->mutable_binaries();
  for (int i = 0; i < 10; ++i)
    binaries["b" + std::to_string(i)].set_reason("bad");
  ok<ws::UpdateNamespaceResponse>(change);
  binaries.clear();
  binaries["one more"].set_reason("bad");
  refused(errc::invalid_argument, "Total resetBinaries cannot exceed the max limit: 10", change);
  CHECK(described("default").config().bad_binaries().binaries().size() == 10);
}

// -- calls on a chain -----------------------------------------------------------------------------

TEST_CASE_FIXTURE(chain_fixture, "whoever names a chain means its current run") {
  start_workflow("w");
  auto first = described().workflow_execution_info().execution().run_id();
  api::command::v1::Command again;
  again.set_command_type(enums::COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION);
  again.mutable_continue_as_new_workflow_execution_command_attributes();
  complete_task(take_workflow_task().task_token(), {again});
  ws::RequestCancelWorkflowExecutionRequest cancel;
  cancel.set_namespace_("default");
  cancel.mutable_workflow_execution()->set_workflow_id("w");
  cancel.mutable_workflow_execution()->set_run_id(first);
  cancel.set_first_execution_run_id("11111111-2222-3333-4444-555555555555");
  refused(errc::not_found, "workflow execution not found", cancel);
  cancel.set_first_execution_run_id(first);
  ok<ws::RequestCancelWorkflowExecutionResponse>(cancel);
  CHECK(described().workflow_extended_info().cancel_requested());
  ws::TerminateWorkflowExecutionRequest terminate;
  terminate.set_namespace_("default");
  *terminate.mutable_workflow_execution() = cancel.workflow_execution();
  refused(errc::not_found, "workflow execution already completed", terminate);
  terminate.set_first_execution_run_id(first);
  ok<ws::TerminateWorkflowExecutionResponse>(terminate);
  CHECK(described().workflow_execution_info().status()
        == enums::WORKFLOW_EXECUTION_STATUS_TERMINATED);
}

// -- options of a run -----------------------------------------------------------------------------

TEST_CASE_FIXTURE(server_fixture, "an options update checks its fields, then the run, then all") {
  ws::UpdateWorkflowExecutionOptionsRequest r;
  r.set_namespace_("default");
  auto told = [&](errc code, const char* text) { refused(code, text, r); };
  told(errc::invalid_argument, "WorkflowId is not set on request.");
  r.mutable_workflow_execution()->set_workflow_id("w");
  r.mutable_workflow_execution()->set_run_id("no run");
  told(errc::invalid_argument, "UpdateMask is required");
  auto& mask = *r.mutable_update_mask();
  told(errc::invalid_argument, "WorkflowExecutionOptions is required");
  auto& options = *r.mutable_workflow_execution_options();
  options.mutable_priority()->set_priority_key(-1);
  options.mutable_versioning_override();
  for (const char* path :
       {"nothing", "priority.nothing", "priorityKey", "", "priority.", "priority.priority_key.x"}) {
    mask.clear_paths();
    mask.add_paths(path);
    auto text = std::string{"error parsing UpdateMask: proto: invalid path \""} + path
                + "\" for message \"temporal.api.workflow.v1.WorkflowExecutionOptions\"";
    refused(errc::invalid_argument, text, r);
  }
  mask.clear_paths();
  mask.add_paths("versioning_override.behavior");
  told(errc::invalid_argument, "priority key can't be negative");
  options.mutable_priority()->set_priority_key(1);
  told(errc::invalid_argument, "RunId is not valid UUID.");
  r.mutable_workflow_execution()->clear_run_id();
  told(errc::not_found, "workflow not found for ID: w");
  start_workflow("w");
  told(errc::invalid_argument, "override behavior is required");
  auto& wanted = *options.mutable_versioning_override();
  wanted.set_behavior(static_cast<enums::VersioningBehavior>(9));
  told(errc::invalid_argument, "override behavior 9 not recognized");
  wanted.set_behavior(enums::VERSIONING_BEHAVIOR_PINNED);
  wanted.mutable_deployment();
  told(errc::invalid_argument, "deployment name cannot be empty");
  wanted.mutable_deployment()->set_series_name("a.b");
  told(errc::invalid_argument, "deployment name cannot contain '.' or ':'");
  wanted.mutable_deployment()->set_series_name("a");
  told(errc::invalid_argument, "deployment build ID cannot be empty");
  wanted.set_behavior(enums::VERSIONING_BEHAVIOR_AUTO_UPGRADE);
  told(errc::invalid_argument, "only provide deployment if behavior is 'PINNED'");
  wanted.clear_deployment();
  told(errc::invalid_argument,
       "error applying update_options: versioning_override fields must be updated together");
  mask.add_paths("versioning_override.deployment");
  ok<ws::UpdateWorkflowExecutionOptionsResponse>(r);
}

namespace {

struct alias_fixture : namespace_fixture {
  using aliases = std::map<std::string, std::string>;

  alias_fixture() {
    ok<ws::RegisterNamespaceResponse>(named("n"));
  }

  static ws::UpdateNamespaceRequest aliasing(const aliases& all) {
    auto r = change_of("n");
    r.mutable_config()->mutable_custom_search_attribute_aliases()->insert(all.begin(), all.end());
    return r;
  }

  static aliases to_map(const temporal::api::namespace_::v1::NamespaceConfig& config) {
    const auto& all = config.custom_search_attribute_aliases();
    return {all.begin(), all.end()};
  }

  aliases after(const aliases& all) {
    auto changed = to_map(ok<ws::UpdateNamespaceResponse>(aliasing(all)).config());
    CHECK(changed == to_map(described("n").config()));
    return changed;
  }

  std::map<std::string, int> attributes() {
    op::ListSearchAttributesRequest r;
    r.set_namespace_("n");
    auto all = ok<op::ListSearchAttributesResponse>(r).custom_attributes();
    return {all.begin(), all.end()};
  }
};

} // namespace

TEST_CASE_FIXTURE(alias_fixture, "an alias of a field is a search attribute of the field's type") {
  CHECK(after({{"Keyword01", "A"}, {"Bool01", "Flag"}})
        == aliases{{"Bool01", "Flag"}, {"Keyword01", "A"}});
  CHECK(attributes()
        == std::map<std::string, int>{{"A", enums::INDEXED_VALUE_TYPE_KEYWORD},
                                      {"Flag", enums::INDEXED_VALUE_TYPE_BOOL}});
  auto start = start_request("w");
  start.set_namespace_("n");
  auto& value = (*start.mutable_search_attributes()->mutable_indexed_fields())["A"];
  (*value.mutable_metadata())["encoding"] = "json/plain";
  value.set_data("\"k\"");
  ok<ws::StartWorkflowExecutionResponse>(start);
  CHECK(after({{"Keyword01", ""}, {"Keyword05", ""}}) == aliases{{"Bool01", "Flag"}});
  CHECK(attributes().size() == 1);
  start.set_workflow_id("x");
  refused(errc::invalid_argument, "Namespace n has no mapping defined for search attribute A",
          start);
}

TEST_CASE_FIXTURE(alias_fixture, "a field keeps its alias, and an alias its field") {
  const aliases both{{"Keyword01", "A"}, {"Keyword02", "B"}};
  CHECK(after(both) == both);
  CHECK(after({{"Keyword01", "A"}}) == both);
  CHECK(after({{"Keyword03", "A"}}) == both);
  CHECK(after({{"Keyword01", "B"}}) == both);
  refused(errc::invalid_argument, "Custom search attribute field name already allocated.",
          aliasing({{"Keyword01", "C"}}));
  refused(errc::invalid_argument, "Search attribute name length exceeds limit.",
          aliasing({{"Keyword04", std::string(1001, 'n')}}));
  // An alias that goes in the same change is taken still.
  CHECK(after({{"Keyword01", ""}, {"Keyword03", "A"}}) == aliases{{"Keyword02", "B"}});
  CHECK(attributes().size() == 1);
}

TEST_CASE_FIXTURE(alias_fixture, "aliases of no field are shown and are no attributes") {
  const aliases odd{{"Foo", "Bar"},          {"Keyword00", "Z"}, {"Keyword1", "O"},
                    {"Keyword01x", "X"},     {"keyword02", "L"}, {"BuildIds", "B"},
                    {"Text02", "WorkflowId"}};
  CHECK(after(odd) == odd);
  CHECK(attributes().empty());
}

TEST_CASE_FIXTURE(alias_fixture, "attributes that are added get fields and keep them") {
  auto add = [&](const std::string& name, enums::IndexedValueType type) {
    op::AddSearchAttributesRequest r;
    r.set_namespace_("n");
    (*r.mutable_search_attributes())[name] = type;
    ok<op::AddSearchAttributesResponse>(r);
    return to_map(described("n").config());
  };
  CHECK(add("B", enums::INDEXED_VALUE_TYPE_KEYWORD) == aliases{{"Keyword01", "B"}});
  CHECK(add("A", enums::INDEXED_VALUE_TYPE_KEYWORD)
        == aliases{{"Keyword01", "B"}, {"Keyword02", "A"}});
  // As in the API an empty name is taken and adds nothing.
  CHECK(add("", enums::INDEXED_VALUE_TYPE_TEXT).size() == 2);
  CHECK(attributes().size() == 2);
  op::RemoveSearchAttributesRequest gone;
  gone.set_namespace_("n");
  gone.add_search_attributes("B");
  ok<op::RemoveSearchAttributesResponse>(gone);
  CHECK(to_map(described("n").config()) == aliases{{"Keyword02", "A"}});
  CHECK(add("C", enums::INDEXED_VALUE_TYPE_KEYWORD)
        == aliases{{"Keyword01", "C"}, {"Keyword02", "A"}});
}
