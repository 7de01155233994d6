#pragma once

#include "tests/simulation/model/parts.hpp"

#include <memory>
#include <string>
#include <vector>

namespace reprise::simulation {

/// The ids of workflows. They share a few slots, so that slots have more than one to care for.
const std::vector<std::string>& workflow_ids();

/// Somebody who starts workflows and pesters them, on a few shared workflow ids; tries doubtful
/// calls again under their request ids, as clients do.
class client : public std::enable_shared_from_this<client> {
public:
  client(parts& p, std::string name, int workflows)
    : p_(p), name_(std::move(name)), workflows_(workflows) {
  }

  /// Acts now and then, as long as there is chaos.
  void live();
  /// A signal for this workflow, tried until the answer is certain.
  void signal(const std::string& workflow_id);

private:
  void act();
  void start();
  void signal_with_start();
  void cancel();
  void terminate();
  void reset();
  void batch();
  void query();
  void update();
  void update_with_start();
  void poll_update(const std::string& workflow_id, const std::string& update_id, int times);
  void describe();
  void list();
  void read_history();
  void read_reverse();
  void watch(const std::string& workflow_id, const std::string& page_token, int pages,
             bool close_only);

  std::string any_workflow();
  std::string new_name(const std::string& what);

  /// Calls until the answer is certain, a few times.
  template <class Response, class Request>
  void
  insist(const std::string& method, Request request, std::function<void()> before, int tries = 6);

  parts& p_;
  std::string name_;
  int workflows_;
  int names_ = 0;
};

} // namespace reprise::simulation
