#include "cli/adopt.hpp"
#include "cli/backup.hpp"
#include "cli/migrate.hpp"
#include "cli/output.hpp"
#include "cli/parked.hpp"
#include "cli/restore.hpp"
#include "cli/server.hpp"
#include "cli/words.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <utility>

int main(int argc, char** argv) {
  using namespace reprise::cli;
  CLI::App app{"Reprise: workflows as ordinary code that survives any crash"};
  app.set_version_flag("--version", "reprise " REPRISE_VERSION);
  app.footer("Examples:\n"
             "  reprise server start-dev --db-filename orders.db\n"
             "  reprise server start-dev --help\n"
             "  reprise node --config node.yaml\n"
             "  reprise parked list\n"
             "  reprise backup orders-monday.db\n"
             "\n"
             "Exit codes: 0 done, 1 failed, 2 not understood.\n");
  auto* server = app.add_subcommand("server", "Run a server");
  server->require_subcommand(1);
  server_options development;
  auto* start_dev = add_start_dev(*server, development);
  server_options production;
  auto* node = add_node(app, production);
  parked_options asked;
  auto* parked = add_parked(app, asked);
  backup_options copied;
  auto* backup = add_backup(app, copied);
  restore_options restored;
  auto* restore = add_restore(app, restored);
  adopt_options adopted;
  auto* adopt = add_adopt(app, adopted);
  migrate_options migrated;
  auto* migrate = add_migrate(app, migrated);
  try {
    auto words = apart({argv + 1, argv + argc});
    // It takes them from the back.
    std::ranges::reverse(words);
    app.name(argv[0]);
    app.parse(std::move(words));
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? exit_ok : exit_usage;
  }
  try {
    // A server ends in order; other commands as soon as they are told.
    if (start_dev->parsed() || node->parsed())
      block_end_signals();
    if (start_dev->parsed())
      return run_server(*start_dev, development);
    if (node->parsed())
      return run_server(*node, production);
    if (parked->parsed())
      return run_parked(asked);
    if (backup->parsed())
      return run_backup(copied);
    if (migrate->parsed())
      return run_migrate(migrated);
    if (adopt->parsed())
      return run_adopt(adopted);
    if (restore->parsed())
      return run_restore(restored);
  } catch (const std::exception& e) {
    return fail(e.what());
  }
  std::printf("%s", app.help().c_str());
  return exit_ok;
}
