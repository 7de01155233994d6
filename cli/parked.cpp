#include "cli/parked.hpp"

#include "cli/output.hpp"
#include "protocol/operator.pb.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

namespace reprise::cli {

namespace {

namespace op = operatorservice::v1;

using command = parked_options::command;

template <class Request>
Request about(const parked_options& o) {
  Request out;
  out.set_namespace_name(o.namespace_name);
  out.set_workflow_id(o.workflow_id);
  return out;
}

void print_json(const google::protobuf::Message& m) {
  google::protobuf::util::JsonPrintOptions how;
  how.add_whitespace = true;
  how.always_print_primitive_fields = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(m, &text, how).ok())
    text = "{}";
  std::printf("%s", text.c_str());
}

std::string since(const op::ParkedWorkflow& w) {
  return google::protobuf::util::TimeUtil::ToString(w.parked_since());
}

int list(const parked_options& o) {
  op::ListParkedWorkflowsRequest request;
  request.set_namespace_name(o.namespace_name);
  auto answer = ask<op::ListParkedWorkflowsResponse>(o.server, "ListParkedWorkflows", request);
  if (!answer)
    return fail(answer.error());
  if (o.output == "json") {
    print_json(*answer);
    return exit_ok;
  }
  if (answer->workflows().empty()) {
    std::printf("Nothing is parked in namespace %s.\n", o.namespace_name.c_str());
    return exit_ok;
  }
  std::size_t width = sizeof "WORKFLOW ID" - 1;
  for (const auto& w : answer->workflows())
    width = std::max(width, w.workflow_id().size());
  std::printf("%-*s  %-30s  %s\n", static_cast<int>(width), "WORKFLOW ID", "SINCE", "REASON");
  for (const auto& w : answer->workflows())
    std::printf("%-*s  %-30s  %s\n", static_cast<int>(width), w.workflow_id().c_str(),
                since(w).c_str(), w.reason().c_str());
  return exit_ok;
}

int show(const parked_options& o) {
  auto answer = ask<op::DescribeParkedWorkflowResponse>(
    o.server, "DescribeParkedWorkflow", about<op::DescribeParkedWorkflowRequest>(o));
  if (!answer)
    return fail(answer.error());
  if (o.output == "json") {
    print_json(*answer);
    return exit_ok;
  }
  const auto& w = answer->workflow();
  std::printf("Workflow  %s\nRun       %s\nSince     %s\nReason    %s\n", w.workflow_id().c_str(),
              w.run_id().c_str(), since(w).c_str(), w.reason().c_str());
  return exit_ok;
}

int unpark(const parked_options& o) {
  auto answer = ask<op::UnparkWorkflowResponse>(o.server, "UnparkWorkflow",
                                                about<op::UnparkWorkflowRequest>(o));
  if (!answer)
    return fail(answer.error());
  if (o.output == "json")
    print_json(*answer);
  else
    std::printf("Workflow %s is loaded and goes on.\n", o.workflow_id.c_str());
  return exit_ok;
}

CLI::App* add_command(CLI::App& parent, parked_options& into, command what, const char* name,
                      const char* help) {
  auto* c = parent.add_subcommand(name, help);
  add_asked_server(*c, into.server);
  c->add_option("-n,--namespace", into.namespace_name, "Namespace")->capture_default_str();
  c->add_option("-o,--output", into.output, "text or json")
    ->capture_default_str()
    ->check(CLI::IsMember({"text", "json"}));
  if (what != command::list)
    c->add_option("WORKFLOW_ID", into.workflow_id, "The workflow's id")->required();
  c->callback([&into, what] { into.what = what; });
  return c;
}

} // namespace

CLI::App* add_parked(CLI::App& app, parked_options& into) {
  auto* c = app.add_subcommand("parked", "Workflows that the server gave up: their journals "
                                         "cannot be loaded");
  c->require_subcommand(1);
  c->footer("Examples:\n"
            "  reprise parked list\n"
            "  reprise parked list --namespace shop --output json\n"
            "  reprise parked show order-7\n"
            "  reprise parked unpark order-7      load it again\n");
  add_command(*c, into, command::list, "list", "What is parked, since when, and why")
    ->footer("Example:\n  reprise parked list --namespace shop --output json\n");
  add_command(*c, into, command::show, "show", "One of them, with the run that cannot be loaded")
    ->footer("Example:\n  reprise parked show order-7\n");
  add_command(*c, into, command::unpark, "unpark", "Load it again, once its journal is mended")
    ->footer("Example:\n  reprise parked unpark order-7 --namespace shop\n");
  return c;
}

int run_parked(const parked_options& options) {
  switch (options.what) {
    case command::list:
      return list(options);
    case command::show:
      return show(options);
    case command::unpark:
      return unpark(options);
  }
  return exit_usage;
}

} // namespace reprise::cli
