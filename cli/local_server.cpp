#include "cli/local_server.hpp"

#include "base/ids.hpp"
#include "frontend/namespace/namespaces.hpp"

#include <algorithm>

namespace reprise::cli {

local_server::local_server(caf::actor_system& system, store::store& db, const clock& time,
                           metrics& measured, local_server_options options)
  : system_(system),
    measured_(measured),
    options_(std::move(options)),
    node_(system, db, time, measured, options_.node) {
}

local_server::~local_server() {
  stop();
}

void local_server::start() {
  node_.start();
  bridge_ = std::make_unique<frontend::bridge>(
    system_, node_.shared(), node_.queues(),
    frontend::bridge::options{.seed = options_.node.seed, .run_all = options_.node.run_all});
  auto limits = options_.front;
  limits.blob_bytes_max = options_.node.bounds.blob_bytes_max;
  limits.id_length_max = options_.node.bounds.id_length_max;
  limits.memo_bytes_max = options_.node.bounds.memo_bytes_max;
  limits.search_attributes_max = options_.node.bounds.search_attributes_max;
  limits.search_attribute_bytes_max = options_.node.bounds.search_attribute_bytes_max;
  limits.search_attributes_bytes_max = options_.node.bounds.search_attributes_bytes_max;
  limits.callbacks_max = static_cast<std::size_t>(options_.node.bounds.callbacks_max);
  front_ = std::make_unique<frontend::service>(*bridge_, options_.facts, measured_, limits);
}

void local_server::drain(duration patience) {
  if (front_)
    front_->drain();
  // While the slots are still ours, so that a task whose worker is gone can be taken back.
  node_.settle(patience / 2);
  if (bridge_)
    bridge_->settle();
  node_.drain(patience);
}

void local_server::stop() {
  // The bridge first: it answers whoever still waits, and talks to the node's actors until then.
  if (bridge_)
    bridge_->stop();
  node_.stop();
}

namespace {

constexpr std::int64_t retention_seconds = 24 * 60 * 60;

result<journal::NamespaceRecord> parse(const store::namespace_row& row) {
  journal::NamespaceRecord record;
  if (!record.ParseFromString(row.record))
    return make_error(errc::data_loss, "the record of namespace " + row.name + " is damaged");
  return record;
}

bool add_attributes(journal::NamespaceRecord& record, const first_namespace& wanted) {
  auto changed = false;
  for (const auto& [name, type] : wanted.search_attributes)
    changed = record.mutable_search_attributes()->insert({name, type}).second || changed;
  return changed;
}

result<void> write(store::store& db, const journal::NamespaceRecord& record) {
  auto made = db.create_namespace({.id = record.info().id(),
                                   .name = record.info().name(),
                                   .version = 1,
                                   .record = record.SerializeAsString()});
  // Another server on the same store was faster.
  if (!made && made.error().code == errc::already_exists)
    return {};
  return made;
}

} // namespace

result<void> ensure_system_namespace(store::store& db) {
  auto rows = db.namespaces();
  if (!rows)
    return rows.error();
  auto is_it = [](const store::namespace_row& row) {
    return row.name == frontend::system_namespace || row.id == frontend::system_namespace_id;
  };
  if (std::ranges::any_of(*rows, is_it))
    return {};
  return write(db, frontend::new_system_namespace());
}

result<void> ensure_namespace(store::store& db, const clock& time, const first_namespace& wanted) {
  auto rows = db.namespaces();
  if (!rows)
    return rows.error();
  for (auto& row : *rows) {
    if (row.name != wanted.name)
      continue;
    auto record = parse(row);
    if (!record)
      return record.error();
    if (!add_attributes(*record, wanted))
      return {};
    row.record = record->SerializeAsString();
    ++row.version;
    return db.update_namespace(row);
  }
  google::protobuf::Duration retention;
  retention.set_seconds(retention_seconds);
  seeded_ids ids{random_seed()};
  auto record = frontend::new_namespace(wanted.name, ids.uuid7(time.now()), retention);
  add_attributes(record, wanted);
  return write(db, record);
}

} // namespace reprise::cli
