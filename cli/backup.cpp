#include "cli/backup.hpp"

#include "cli/new_file.hpp"
#include "cli/output.hpp"
#include "protocol/operator.pb.h"
#include "store/backup.hpp"

#include <google/protobuf/util/time_util.h>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>

namespace reprise::cli {

namespace {

namespace op = operatorservice::v1;

/// Shown while somebody looks.
class progress {
public:
  void show(const char* what, std::uint64_t done, std::uint64_t all) {
    auto percent = all == 0 ? 100 : static_cast<int>(100 * done / all);
    if (isatty(STDERR_FILENO) == 0 || (what == said_ && percent == percent_))
      return;
    said_ = what;
    percent_ = percent;
    is_open_ = true;
    std::fprintf(stderr, "\r%s %3d %% of %s   ", what, percent, text_of(all).c_str());
    std::fflush(stderr);
  }

  ~progress() {
    if (is_open_)
      std::fputc('\n', stderr);
  }

  progress() = default;
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  static std::string text_of(std::uint64_t bytes) {
    constexpr double mebi = 1U << 20;
    std::string out(32, '\0');
    auto n = std::snprintf(out.data(), out.size(), "%.1f MiB", static_cast<double>(bytes) / mebi);
    out.resize(static_cast<std::size_t>(n));
    return out;
  }

private:
  const char* said_ = nullptr;
  int percent_ = -1;
  bool is_open_ = false;
};

/// Where the bytes come from.
struct copy_source {
  std::string name{};
  std::function<result<store::backup_state>(std::uint64_t offset, std::string& bytes)> next{};
};

result<std::uint64_t> fetch(const copy_source& from, new_file& to) {
  progress shown;
  std::string bytes;
  for (std::uint64_t have = 0;;) {
    bytes.clear();
    auto state = from.next(have, bytes);
    if (!state)
      return state.error();
    if (!state->is_ready) {
      shown.show("copying", state->copied, state->bytes);
      continue;
    }
    if (auto ok = to.write(bytes); !ok)
      return ok.error();
    have += bytes.size();
    shown.show("writing", have, state->bytes);
    if (have >= state->bytes)
      return have;
    if (bytes.empty())
      return make_error(errc::data_loss, "the copy ended before it was whole; begin again");
  }
}

/// Whole and on the disk, and only then called by its name.
result<void> finish(new_file& file) {
  if (auto ok = file.sync(); !ok)
    return ok;
  if (auto version = store::check_sqlite_copy(file.part()); !version)
    return version.error();
  return file.finish();
}

int tell(result<std::uint64_t> bytes, new_file& file, const backup_options& o,
         const std::string& taken_at) {
  if (!bytes)
    return fail(bytes.error());
  if (auto ok = finish(file); !ok)
    return fail(ok.error());
  std::printf("%s holds the store as it was at %s (%s).\n", o.path.c_str(), taken_at.c_str(),
              progress::text_of(*bytes).c_str());
  return exit_ok;
}

int from_server(const backup_options& o, new_file& file) {
  auto begun = ask<op::BeginBackupResponse>(o.server, "BeginBackup", op::BeginBackupRequest{});
  if (!begun)
    return fail(begun.error());
  auto next = [&](std::uint64_t offset, std::string& bytes) -> result<store::backup_state> {
    op::ReadBackupRequest request;
    request.set_backup_id(begun->backup_id());
    request.set_offset(offset);
    auto part = ask<op::ReadBackupResponse>(o.server, "ReadBackup", request);
    if (!part)
      return part.error();
    bytes = std::move(*part->mutable_data());
    return store::backup_state{
      .copied = part->copied_bytes(), .bytes = part->total_bytes(), .is_ready = part->is_ready()};
  };
  auto copied = fetch({.next = next}, file);
  op::EndBackupRequest over;
  over.set_backup_id(begun->backup_id());
  // What it is not told it finds out.
  static_cast<void>(ask<op::EndBackupResponse>(o.server, "EndBackup", over));
  return tell(std::move(copied), file, o,
              google::protobuf::util::TimeUtil::ToString(begun->taken_at()));
}

/// Nobody else has it meanwhile.
int from_file(const backup_options& o, new_file& file) {
  auto source = store::open_sqlite_for_backup(o.db_filename);
  if (!source)
    return fail(source.error().message + " (Without --db-filename its server is asked.)");
  auto name = (*source)->begin_backup();
  if (!name)
    return fail(name.error());
  auto next = [&](std::uint64_t offset, std::string& bytes) -> result<store::backup_state> {
    constexpr std::size_t part_bytes = std::size_t{2} << 20;
    auto state = (*source)->look_at_backup(*name);
    if (!state || !state->is_ready)
      return state;
    auto part = (*source)->read_backup(*name, offset, part_bytes);
    if (!part)
      return part.error();
    bytes = std::move(*part);
    return state;
  };
  auto now = google::protobuf::util::TimeUtil::GetCurrentTime();
  return tell(fetch({.next = next}, file), file, o,
              google::protobuf::util::TimeUtil::ToString(now));
}

} // namespace

CLI::App* add_backup(CLI::App& app, backup_options& into) {
  auto* c = app.add_subcommand("backup", "Copy a store that is a file, while its server serves");
  c->add_option("FILE", into.path, "Where the copy goes")->required();
  auto* file = c->add_option("--db-filename", into.db_filename,
                             "Copy this store, which no server has, instead of asking one");
  c->add_flag("--force", into.force, "Replace FILE");
  add_asked_server(*c, into.server);
  c->get_option("--address")->excludes(file);
  c->footer("Examples:\n"
            "  reprise backup orders-monday.db\n"
            "  reprise backup orders.bak --force --address 127.0.0.1:7000\n"
            "  reprise backup orders.bak --db-filename orders.db      while no server runs\n"
            "\n"
            "`reprise restore` takes a copy into service.\n");
  return c;
}

int run_backup(const backup_options& options) {
  if (has_journal_beside(options.path))
    return fail(
      options.path
      + " is a store that is served, or was and did not end in order: choose another name");
  auto file = new_file::begin(options.path, options.force ? new_file::existing::replace
                                                          : new_file::existing::refuse);
  if (!file)
    return fail(file.error());
  return options.db_filename.empty() ? from_server(options, *file) : from_file(options, *file);
}

} // namespace reprise::cli
