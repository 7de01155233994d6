#include "cli/restore.hpp"

#include "cli/new_file.hpp"
#include "cli/output.hpp"
#include "store/backup.hpp"
#include "store/sqlite/file_lock.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>

namespace reprise::cli {

namespace {

result<void> copy_bytes(const std::string& from, new_file& to) {
  auto descriptor = ::open(from.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return make_error(errc::failed_precondition,
                      "cannot read " + from + ": " + std::strerror(errno));
  std::array<char, 1U << 16> some{};
  result<void> out;
  auto n = ::read(descriptor, some.data(), some.size());
  for (; n > 0 && out; n = ::read(descriptor, some.data(), some.size()))
    out = to.write({some.data(), static_cast<std::size_t>(n)});
  if (n < 0)
    out = make_error(errc::unavailable, "cannot read " + from + ": " + std::strerror(errno));
  ::close(descriptor);
  return out;
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

/// What was there keeps what it held, under another name, which is answered. At every moment a
/// crash leaves it whole: where it was, until the new one takes that name.
result<std::string> put_aside(const std::string& path) {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  auto aside = path + "-replaced-"
               + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  auto cannot = [&](const std::string& why) {
    return make_error(errc::unavailable, "cannot put " + path + " aside as " + aside + ": " + why
                                           + "; move it and what lies beside it (-wal, -shm)");
  };
  if (auto folded = store::fold_sqlite_journal(path); !folded)
    return cannot(folded.error().message);
  if (::link(path.c_str(), aside.c_str()) != 0)
    return cannot(std::strerror(errno));
  return aside;
}

} // namespace

CLI::App* add_restore(CLI::App& app, restore_options& into) {
  auto* c = app.add_subcommand("restore", "Take a copy of a store into service");
  c->add_option("BACKUP", into.backup, "The copy, by `reprise backup`; it stays as it is")
    ->required();
  c->add_option("-f,--db-filename", into.db_filename, "Where a server will find it")->required();
  c->add_flag("--force", into.force,
              "Though there is a store already: that one is put aside, under another name");
  c->footer("Example:\n"
            "  reprise restore orders-monday.db --db-filename orders.db\n"
            "\n"
            "What happened after the copy was taken is gone: workflows go on from where they\n"
            "stood, and do again what they did since.\n");
  return c;
}

int run_restore(const restore_options& o) {
  if (auto whole = store::check_sqlite_copy(o.backup); !whole)
    return fail(whole.error());
  auto is_there = exists(o.db_filename);
  if (is_there && !o.force)
    return fail(o.db_filename
                + " exists already: choose another name, or put it aside with --force");
  if (!is_there && has_journal_beside(o.db_filename))
    return fail("beside " + o.db_filename + " lies the journal of a store that was there ("
                + o.db_filename + "-wal or -shm): move it to where that store is now");
  // A server that has it would go on writing to a file without a name.
  std::optional<store::sqlite::file_lock> lock;
  if (is_there) {
    auto taken = store::sqlite::file_lock::acquire(o.db_filename);
    if (!taken)
      return fail(taken.error());
    lock = std::move(*taken);
  }
  auto place = lock ? lock->path() : o.db_filename;
  auto file = new_file::begin(place,
                              lock ? new_file::existing::replace : new_file::existing::refuse);
  if (!file)
    return fail(file.error());
  if (auto ok = copy_bytes(o.backup, *file); !ok)
    return fail(ok.error());
  if (auto ok = store::adopt_sqlite_copy(file->part()); !ok)
    return fail(ok.error());
  if (auto ok = file->sync(); !ok)
    return fail(ok.error());
  std::string aside;
  if (lock) {
    auto put = put_aside(place);
    if (!put)
      return fail(put.error());
    aside = std::move(*put);
  }
  if (auto ok = file->finish(); !ok)
    return fail(ok.error());
  std::printf("%s is ready to be served.\n", o.db_filename.c_str());
  if (!aside.empty())
    std::printf("What was there is %s now.\n", aside.c_str());
  return exit_ok;
}

} // namespace reprise::cli
