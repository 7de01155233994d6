#pragma once

#include "frontend/batch/batch_page.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>

namespace reprise::frontend {

/// Does the work of this server's batches: takes the pages that their durable actors offer, acts on
/// the runs by the public API, and reports. Holds no truth: what is lost with it is offered again,
/// and whoever does it a second time does nothing twice (but for resets of activities, which the
/// API gives no name to know them by). Thread-safe.
class batch_worker {
public:
  struct options {
    /// Runs of one batch that are acted on at the same time.
    std::size_t at_once = 5;
    /// Batches that are worked on at the same time; others wait.
    std::size_t batches_max = 1000;
  };

  /// Both have to outlive it, and every call that they were given.
  batch_worker(service& front, backend& back, const options& o);

  /// Begins nothing more.
  void stop() noexcept {
    means_.stopping.store(true, std::memory_order_release);
  }

private:
  /// Namespace, job, run.
  using job_name = std::tuple<std::string, std::string, std::string>;

  /// What the batch's actor was told or asked. Destroyed without an answer, it is as if the batch
  /// had not been taken.
  struct question;

  void take(const cluster::Task& task);
  void tell(const job_name& job, cluster::ReportBatch report) noexcept;
  void send(const job_name& job, cluster::ReportBatch&& report);
  void on_order(const job_name& job, const cluster::Reply& reply);
  void begin_page(const job_name& job, batch::Order order);
  void end(const job_name& job) noexcept;
  void forget(const job_name& job) noexcept;

  backend& back_;
  options options_;
  batch_means means_;
  std::mutex mutex_;
  /// Those that are worked on; true: there may be something new.
  std::map<job_name, bool> active_;
};

} // namespace reprise::frontend
