#include "actors/storage/backups.hpp"
#include "frontend/handlers/handlers.hpp"
#include "frontend/poll/long_poll.hpp"
#include "protocol/operator.pb.h"

namespace reprise::frontend {

namespace op = operatorservice::v1;

namespace {

/// Fits into an answer of any client's.
constexpr std::size_t part_bytes = std::size_t{2} << 20;

/// Null when the call has failed: of this store nobody takes a copy here.
store::backup_source* source_of(call& c, store::store& db) {
  auto* source = actors::backups_of(db);
  if (source == nullptr)
    c.fail(make_error(errc::failed_precondition,
                      db.kind() == "mysql"
                        ? "The store is MySQL: take a copy with its own tools, as "
                          "`mariadb-dump --single-transaction`."
                        : "The store is no file: there is nothing to take a copy of."));
  return source;
}

void begin_backup(const call::ptr& c, op::BeginBackupRequest&) {
  c->scanning([](call& over, store::store& db) {
    auto* source = source_of(over, db);
    if (source == nullptr)
      return;
    auto taken_at = over.now();
    auto name = source->begin_backup();
    if (!name)
      return over.fail(std::move(name).error());
    op::BeginBackupResponse out;
    out.set_backup_id(*name);
    *out.mutable_taken_at() = to_timestamp(taken_at);
    over.answer(out);
  });
}

void read_backup(const call::ptr& c, op::ReadBackupRequest& r) {
  c->scanning([id = r.backup_id(), offset = r.offset()](call& over, store::store& db) {
    auto* source = source_of(over, db);
    if (source == nullptr)
      return;
    auto state = source->look_at_backup(id);
    if (!state)
      return over.fail(std::move(state).error());
    op::ReadBackupResponse out;
    out.set_is_ready(state->is_ready);
    out.set_copied_bytes(state->copied);
    out.set_total_bytes(state->bytes);
    if (state->is_ready) {
      auto bytes = source->read_backup(id, offset, part_bytes);
      if (!bytes)
        return over.fail(std::move(bytes).error());
      out.set_data(std::move(*bytes));
    }
    over.answer(out);
  });
}

void end_backup(const call::ptr& c, op::EndBackupRequest& r) {
  c->scanning([id = r.backup_id()](call& over, store::store& db) {
    auto* source = source_of(over, db);
    if (source == nullptr)
      return;
    source->end_backup(id);
    over.answer(op::EndBackupResponse{});
  });
}

} // namespace

void add_backup_handlers(handler_table& table) {
  table["BeginBackup"] = parsed(begin_backup);
  table["ReadBackup"] = parsed(read_backup);
  table["EndBackup"] = parsed(end_backup);
}

} // namespace reprise::frontend
