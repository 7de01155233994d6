#include "cli/migrate.hpp"

#include "cli/output.hpp"
#include "cli/password.hpp"
#include "store/migration.hpp"
#include "store/open.hpp"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <optional>
#include <utility>

namespace reprise::cli {

namespace {

result<std::optional<std::string>> password_of(const migrate_options& o) {
  if (o.mysql_password_file.empty())
    return std::optional<std::string>{};
  auto password = read_password(o.mysql_password_file);
  if (!password)
    return password.error();
  return std::optional{std::move(*password)};
}

result<store::migration_plan> plan_of(const migrate_options& o) {
  if (o.mysql.empty())
    return store::try_sqlite_migration(o.db_filename);
  auto password = password_of(o);
  if (!password)
    return password.error();
  return store::plan_mysql_migration(o.mysql, *password);
}

std::string rows_text(const store::migration_step& step) {
  std::string out;
  for (const auto& [table, count] : step.rows)
    out += (out.empty() ? "  rows of " : ", ") + table + ": " + std::to_string(count);
  return out;
}

void print(const store::migration_plan& plan, double seconds) {
  if (plan.stored == 0)
    std::printf("There is no schema yet; this program makes number %lld.\n",
                static_cast<long long>(plan.known));
  else
    std::printf("The schema is %lld; this program's is %lld.\n",
                static_cast<long long>(plan.stored), static_cast<long long>(plan.known));
  if (plan.steps.empty())
    std::printf("Nothing is to be done.\n");
  for (const auto& step : plan.steps)
    std::printf("  %lld  %s%s\n", static_cast<long long>(step.version), step.about.c_str(),
                rows_text(step).c_str());
  if (plan.growth)
    std::printf("Tried and taken back: it took %.1f s, and the file grew by %.1f MiB.\n", seconds,
                static_cast<double>(*plan.growth) / (1U << 20));
  else if (!plan.steps.empty())
    std::printf("Not tried: this database cannot take such changes back.\n");
}

int try_dry(const migrate_options& o) {
  auto begun = std::chrono::steady_clock::now();
  auto plan = plan_of(o);
  if (!plan)
    return fail(plan.error());
  print(*plan, std::chrono::duration<double>{std::chrono::steady_clock::now() - begun}.count());
  return exit_ok;
}

int migrate(const migrate_options& o) {
  auto password = password_of(o);
  if (!password)
    return fail(password.error());
  auto opened = o.mysql.empty() ? store::open_sqlite({.path = o.db_filename})
                                : store::open_mysql(o.mysql, {.password = *password});
  if (!opened)
    return fail(opened.error());
  std::printf("The schema is this program's.\n");
  return exit_ok;
}

} // namespace

CLI::App* add_migrate(CLI::App& app, migrate_options& into) {
  auto* c = app.add_subcommand("migrate", "Bring a store's schema to this program's, as a server "
                                          "does when it starts; or say what that takes");
  auto* file = c->add_option("-f,--db-filename", into.db_filename, "SQLite file of the store");
  c->add_option("--mysql", into.mysql, "Or its database: mysql://user[:password]@host/db")
    ->envname("REPRISE_MYSQL")
    ->excludes(file);
  c->add_option("--mysql-password-file", into.mysql_password_file, "File that holds the password");
  c->add_flag(
    "--dry-run", into.dry_run,
    "Say what would be done, and to how many rows. A file is migrated for trial, and that "
    "is taken back; a database is looked at");
  c->footer("Examples:\n"
            "  reprise migrate --dry-run --db-filename orders.db\n"
            "  reprise migrate --dry-run --mysql mysql://root@127.0.0.1/reprise\n");
  return c;
}

int run_migrate(const migrate_options& options) {
  if (options.db_filename.empty() == options.mysql.empty())
    return fail(make_error(errc::invalid_argument,
                           "which store? Give --db-filename, or --mysql (or REPRISE_MYSQL in the "
                           "environment)"));
  return options.dry_run ? try_dry(options) : migrate(options);
}

} // namespace reprise::cli
