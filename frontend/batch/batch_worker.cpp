#include "frontend/batch/batch_worker.hpp"

#include "base/log.hpp"
#include "protocol/address.hpp"
#include "protocol/parse_stored.hpp"

#include <utility>

namespace reprise::frontend {

struct batch_worker::question {
  question(batch_worker& by, job_name of) : home(by), job(std::move(of)) {
  }

  ~question() {
    if (!is_answered)
      home.forget(job);
  }

  question(const question&) = delete;
  question& operator=(const question&) = delete;

  batch_worker& home;
  const job_name job;
  bool is_answered = false;
};

batch_worker::batch_worker(service& front, backend& back, const options& o)
  : back_(back),
    options_(o),
    means_{.api = own_calls{front}, .back = back, .at_once = std::max<std::size_t>(o.at_once, 1)} {
  back.do_own_work([this](const cluster::Task& task) { take(task); });
}

void batch_worker::take(const cluster::Task& task) {
  if (kind_of(task) != machine_kind::batch)
    return;
  job_name job{task.namespace_id(), task.workflow_id(), task.run_id()};
  {
    std::lock_guard lock{mutex_};
    auto known = active_.find(job);
    if (known != active_.end()) {
      known->second = true;
      return;
    }
    if (active_.size() >= options_.batches_max || means_.stopping.load(std::memory_order_acquire))
      return;
    active_.emplace(job, false);
  }
  tell(job, {});
}

/// A report without a page asks what is to be done.
void batch_worker::tell(const job_name& job, cluster::ReportBatch report) noexcept {
  try {
    send(job, std::move(report));
  } catch (...) {
    log_thrown(log_level::error, {"batch ", std::get<1>(job), " could not be told"});
    forget(job);
  }
}

void batch_worker::send(const job_name& job, cluster::ReportBatch&& report) {
  auto asked = std::make_shared<question>(*this, job);
  cluster::ExecutionRequest request;
  const auto& [namespace_id, id, run_id] = job;
  request.set_namespace_id(namespace_id);
  request.set_machine(number_of(machine_kind::batch));
  request.set_workflow_id(id);
  request.set_run_id(run_id);
  *request.mutable_report_batch() = std::move(report);
  back_.call(std::move(request), false, [asked](const cluster::Reply& reply) {
    asked->is_answered = true;
    const auto& of = asked->job;
    try {
      asked->home.on_order(of, reply);
    } catch (...) {
      log_thrown(log_level::error, {"a page of batch ", std::get<1>(of), " was lost"});
      asked->home.forget(of);
    }
  });
}

void batch_worker::on_order(const job_name& job, const cluster::Reply& reply) {
  batch::Order order;
  // Nothing to do now; or nobody can say, and its next owner offers it again.
  if (reply.has_status() || reply.response().empty()
      || means_.stopping.load(std::memory_order_acquire))
    return end(job);
  if (!protocol::parse_stored(order, reply.response())) {
    log(log_level::error, {"the order of batch ", std::get<1>(job), " cannot be understood"});
    return end(job);
  }
  begin_page(job, std::move(order));
}

void batch_worker::begin_page(const job_name& job, batch::Order order) {
  batch::Plan plan;
  if (order.plan().empty())
    plan.set_more_to_list(true);
  else if (!protocol::parse_stored(plan, order.plan())) {
    log(log_level::error, {"the plan of batch ", std::get<1>(job), " cannot be understood"});
    return end(job);
  }
  // It may have another name by now.
  if (auto ns = back_.namespaces().find_by_id(std::get<0>(job)))
    order.mutable_request()->set_namespace_(ns->facts.name);
  auto ended = [this, job](std::optional<cluster::ReportBatch> report) {
    if (report)
      tell(job, std::move(*report));
    else
      forget(job);
  };
  auto page = std::make_shared<batch_page>(means_, std::move(order), std::move(plan),
                                           std::get<0>(job), std::move(ended));
  page->begin();
}

void batch_worker::forget(const job_name& job) noexcept {
  std::lock_guard lock{mutex_};
  active_.erase(job);
}

void batch_worker::end(const job_name& job) noexcept {
  {
    std::lock_guard lock{mutex_};
    auto known = active_.find(job);
    if (known == active_.end())
      return;
    if (!known->second || means_.stopping.load(std::memory_order_acquire)) {
      active_.erase(known);
      return;
    }
    known->second = false;
  }
  // It was offered while it was worked on.
  tell(job, {});
}

} // namespace reprise::frontend
