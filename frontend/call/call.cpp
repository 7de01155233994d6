#include "frontend/call/call.hpp"

#include "actors/call/errors.hpp"
#include "actors/call/returned_task.hpp"
#include "base/log.hpp"
#include "temporal/api/errordetails/v1/message.pb.h"

namespace reprise::frontend {

namespace enums = temporal::api::enums::v1;
namespace details = temporal::api::errordetails::v1;

namespace {

error invalid_state(const std::string& name, enums::NamespaceState state, bool deprecated_too) {
  auto text = [](enums::NamespaceState s) {
    return s == enums::NAMESPACE_STATE_DEPRECATED ? "Deprecated"
           : s == enums::NAMESPACE_STATE_DELETED  ? "Deleted"
                                                  : "Unspecified";
  };
  details::NamespaceInvalidStateFailure detail;
  detail.set_namespace_(name);
  detail.set_state(state);
  detail.add_allowed_states(enums::NAMESPACE_STATE_REGISTERED);
  if (deprecated_too)
    detail.add_allowed_states(enums::NAMESPACE_STATE_DEPRECATED);
  return with_detail(errc::failed_precondition,
                     std::string{"Namespace has invalid state: "} + text(state) + ". Must be "
                       + (deprecated_too ? "Registered or Deprecated." : "Registered."),
                     detail);
}

void address(cluster::ExecutionRequest& request, const actors::namespace_entry& ns,
             const headers& said) {
  request.set_namespace_id(ns.facts.id);
  request.set_namespace_name(ns.facts.name);
  // The only answer that depends on who asks.
  if (request.has_get_history())
    request.mutable_headers()->insert(said.begin(), said.end());
}

} // namespace

error error_of(const cluster::Status& status) {
  return error{.code = static_cast<errc>(status.code()),
               .message = status.message(),
               .detail_type = status.detail_type(),
               .detail = status.detail()};
}

bool call::finish(result<std::string>&& what) {
  if (over_.exchange(true, std::memory_order_acq_rel))
    return false;
  // Moved out first: the handler may own the last reference to what owns this call.
  auto done = std::move(done_);
  place_.reset();
  done(std::move(what));
  return true;
}

void call::answer(const google::protobuf::MessageLite& response) {
  finish(response.SerializeAsString());
}

void call::answer_bytes(std::string response) {
  finish(std::move(response));
}

void call::fail(error why) {
  finish(std::move(why));
}

void call::fail_thrown() noexcept {
  log_thrown(log_level::error, {"a call of ", method_, " failed"});
  try {
    fail(actors::failure_at_hand());
  } catch (...) {
    // Not even memory for the refusal: the call ends with its caller's patience.
    log_thrown(log_level::error, "a call could not be refused");
  }
}

void call::cancel() {
  if (over())
    return;
  gone_.store(true, std::memory_order_seq_cst);
  finish(make_error(errc::cancelled, "context canceled"));
  // started() may run at this moment on another thread: whichever sees the other's mark cancels.
  if (auto id = backend_call_.load(std::memory_order_seq_cst); id != 0)
    all_.back.cancel(id);
}

void call::started(std::uint64_t id) {
  backend_call_.store(id, std::memory_order_seq_cst);
  if (gone_.load(std::memory_order_seq_cst))
    all_.back.cancel(id);
}

void call::note_versioned(const std::string& namespace_name, const std::string& deployment) {
  if (all_.versioned.is_news(namespace_name, deployment))
    log(log_level::warn, "workers of deployment " + deployment + " in namespace " + namespace_name
                           + " take part in versioning; this version gives them tasks as it does "
                             "any other worker of their queues");
}

bool call::admit(const std::string& namespace_name, bool waits) {
  // Of one that is not there nothing is remembered.
  if (!limits().rates.any() || !all_.back.namespaces().find(namespace_name))
    return true;
  auto said = all_.used.admit(limits().rates, namespace_name, method_, waits,
                              all_.back.time().boot_time());
  place_ = std::move(said.kept);
  if (said.refusal)
    fail(std::move(*said.refusal));
  return !said.refusal;
}

bool call::check_serving() {
  if (all_.back.serving())
    return true;
  fail(actors::not_served());
  return false;
}

call::entry_ptr call::open_namespace(const std::string& name) {
  if (name.empty()) {
    fail(invalid_argument("Namespace is empty."));
    return nullptr;
  }
  auto found = all_.back.namespaces().find(name);
  if (!found) {
    // What a node that does not serve lacks may well be there.
    if (check_serving())
      fail(namespace_not_found(name));
    return nullptr;
  }
  if (auto state = found->record.info().state(); state == enums::NAMESPACE_STATE_DELETED) {
    fail(invalid_state(name, state, true));
    return nullptr;
  }
  return found;
}

call::entry_ptr call::open_namespace_for_start(const std::string& name) {
  auto found = open_namespace(name);
  if (!found)
    return nullptr;
  auto state = found->record.info().state();
  if (state == enums::NAMESPACE_STATE_REGISTERED)
    return found;
  fail(invalid_state(name, state, false));
  return nullptr;
}

backend::reply_handler call::reply_handler() {
  return [self = shared_from_this()](cluster::Reply reply) {
    self->guard([&] {
      if (reply.has_status())
        self->fail(error_of(reply.status()));
      else if (reply.tasks() != cluster::Reply::NOWHERE)
        self->answer_tasks(std::move(reply));
      else
        self->answer_bytes(std::move(*reply.mutable_response()));
    });
  };
}

backend::reply_handler call::reply_handler(reply_reader read) {
  return [self = shared_from_this(), read = std::move(read)](cluster::Reply r) {
    self->guard([&] { read(*self, std::move(r)); });
  };
}

void call::send(const entry_ptr& ns, cluster::ExecutionRequest&& request) {
  address(request, *ns, said());
  started(all_.back.call(std::move(request), false, reply_handler()));
}

void call::wait(const entry_ptr& ns, cluster::ExecutionRequest&& request) {
  address(request, *ns, said());
  started(all_.back.call(std::move(request), true, reply_handler()));
}

void call::wait(const entry_ptr& ns, cluster::ExecutionRequest&& request, reply_reader read) {
  address(request, *ns, said());
  started(all_.back.call(std::move(request), true, reply_handler(std::move(read))));
}

void call::send(const entry_ptr& ns, cluster::ExecutionRequest&& request, reply_reader read) {
  address(request, *ns, said());
  started(all_.back.call(std::move(request), false, reply_handler(std::move(read))));
}

void call::send_poll(cluster::Poll&& poll) {
  started(all_.back.poll(std::move(poll), reply_handler()));
}

void call::answer_tasks(cluster::Reply&& reply) {
  // By its own clock the caller has gone; of what would be sent now it takes no notice.
  auto is_late = deadline_ && now() >= *deadline_;
  if (is_late)
    fail(make_error(errc::deadline_exceeded, "context deadline exceeded"));
  result<std::string> response = std::move(*reply.mutable_response());
  if (is_late || !finish(std::move(response)))
    for (auto token : actors::task_tokens_of(*response, reply.tasks()))
      all_.back.give_back(token);
}

void call::describe_queue(const entry_ptr& ns, const std::string& queue, int kind,
                          std::string request) {
  started(all_.back.describe_queue(ns->facts.id, queue, kind, std::move(request), reply_handler()));
}

void call::describe_queue(const entry_ptr& ns, const std::string& queue, int kind,
                          std::string request, reply_reader read) {
  started(all_.back.describe_queue(ns->facts.id, queue, kind, std::move(request),
                                   reply_handler(std::move(read))));
}

std::function<void(store::store&)>
call::unless_over(std::function<void(call&, store::store&)> job) {
  return [self = shared_from_this(), job = std::move(job)](store::store& db) {
    if (!self->over())
      self->guard([&] { job(*self, db); });
  };
}

void call::blocking(std::function<void(call&, store::store&)> job) {
  if (!all_.back.run_blocking(unless_over(std::move(job))))
    fail(overloaded("too many calls wait for the store"));
}

void call::scanning(std::function<void(call&, store::store&)> job) {
  if (!all_.back.run_scan(unless_over(std::move(job))))
    fail(overloaded("too many lists and counts wait for the store"));
}

} // namespace reprise::frontend
