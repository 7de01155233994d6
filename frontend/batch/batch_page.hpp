#pragma once

#include "frontend/batch/batch_calls.hpp"
#include "frontend/batch/own_calls.hpp"
#include "protocol/cluster.pb.h"

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace reprise::frontend {

/// What pages work with; outlives them.
struct batch_means {
  own_calls api;
  backend& back;
  /// Runs of a page that are acted on at the same time.
  std::size_t at_once = 1;
  /// Nothing more is begun.
  std::atomic<bool> stopping{false};
};

/// One page of a batch: acts on its runs, some at a time, and looks for those of the next page.
/// Kept by what it waits for: one that nobody keeps any more (an answer was lost, for want of
/// memory) is given up. Thread-safe: answers come on any thread.
class batch_page : public std::enable_shared_from_this<batch_page> {
public:
  /// What is to be reported; nothing when the page was given up.
  using ended = std::function<void(std::optional<cluster::ReportBatch>)>;

  batch_page(batch_means& means, batch::Order order, batch::Plan plan, std::string namespace_id,
             ended done);

  ~batch_page();
  batch_page(const batch_page&) = delete;
  batch_page& operator=(const batch_page&) = delete;

  void begin();

private:
  /// Acts on as many as may be under way.
  void go_on();
  void act_on(std::size_t place);
  void on_acted(std::size_t place, batch_verdict what);
  void count();
  void try_later(const batch::Target& target);
  void take_back_some();
  bool looks_for_others() const;
  void look_for_more();
  void list(std::size_t most);
  void find_named(std::size_t most);
  void on_named(std::vector<batch::Target> found, std::size_t most);
  void report();
  void report_failure(const error& why);
  void end(std::optional<cluster::ReportBatch> report);

  batch_means& means_;
  const batch::Order order_;
  const batch::Plan plan_;
  const std::string namespace_id_;
  const std::shared_ptr<const batch_request> job_;
  const time_point began_;
  /// Until it was called.
  ended done_;

  std::mutex mutex_;
  bool going_on_ = false;
  int next_ = 0;
  std::size_t under_way_ = 0;
  bool acted_ = false;
  cluster::ReportBatch report_;
  batch::Plan next_plan_;
};

} // namespace reprise::frontend
