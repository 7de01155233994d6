#include "cli/start_dev.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>

int main(int argc, char** argv) {
  reprise::cli::block_end_signals();
  // gRPC's own lines say nothing that our errors do not; whoever debugs it sets the variable.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  CLI::App app{"Reprise: workflows as ordinary code that survives any crash"};
  app.set_version_flag("--version", "reprise " REPRISE_VERSION);
  app.require_subcommand(1);
  app.footer("Examples:\n"
             "  reprise server start-dev --db-filename orders.db\n"
             "  reprise server start-dev --help\n");
  auto* server = app.add_subcommand("server", "Run a server");
  server->require_subcommand(1);
  reprise::cli::start_dev_options options;
  auto* start_dev = reprise::cli::add_start_dev(*server, options);
  CLI11_PARSE(app, argc, argv);
  try {
    if (start_dev->parsed())
      return reprise::cli::run_start_dev(options);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
  }
  return 1;
}
