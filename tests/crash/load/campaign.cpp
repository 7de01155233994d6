#include "tests/crash/load/campaign.hpp"

#include "temporal/api/workflowservice/v1/request_response.pb.h"

#include <thread>
#include <utility>

namespace reprise::crash {

namespace service = temporal::api::workflowservice::v1;
namespace enums = temporal::api::enums::v1;

namespace {

constexpr auto look_again = std::chrono::milliseconds{20};

/// Reads are repeated for a while: the server may just have been started.
template <class Read>
auto patiently(Read read) {
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  auto answer = read();
  while (!answer && may_have_happened(answer.error()) && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(look_again);
    answer = read();
  }
  return answer;
}

} // namespace

campaign::campaign(transport& to, customers::options how) : to_(to) {
  using options = worker::options;
  for (auto& w : {options{.identity = "plain", .sticky = false},
                  options{.identity = "chained", .sticky = false, .chained = true},
                  options{.identity = "sticky", .sticky = true},
                  options{.identity = "both", .sticky = true, .chained = true}})
    workers_.push_back(std::make_unique<worker>(to_, book_, w));
  customers_ = std::make_unique<customers>(to_, book_, how);
}

void campaign::finish(duration patience) {
  customers_->close();
  auto left = book_.unfinished_count();
  auto until = std::chrono::steady_clock::now() + patience;
  while (left > 0 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(look_again);
    if (std::exchange(left, book_.unfinished_count()) != left)
      until = std::chrono::steady_clock::now() + patience;
  }
  for (const auto& plan : book_.unfinished()) {
    auto events = read_order(to_, plan);
    book_.wrong(plan.workflow_id() + " did not finish; plan " + plan.text() + "; "
                + (events ? "history\n" + print(*events) : events.error().message));
  }
}

void campaign::check_again() {
  check_histories();
  check_list();
}

void campaign::check_histories() {
  for (const auto& [id, before] : book_.finished()) {
    order_plan plan;
    plan.number = std::stoull(id.substr(id.find('-') + 1));
    auto events = patiently([&] { return read_order(to_, plan); });
    if (!events) {
      book_.wrong(id + ": its history cannot be read again: " + events.error().message);
      continue;
    }
    std::vector<std::uint64_t> digests;
    for (const auto& e : *events)
      digests.push_back(digest_of(e));
    if (digests != before.digests)
      book_.wrong(id + ": its history changed behind its end\n" + print(*events));
  }
}

void campaign::check_list() {
  auto expected = book_.finished();
  std::set<std::string> listed;
  service::ListWorkflowExecutionsRequest r;
  r.set_namespace_("default");
  do {
    auto page = patiently([&] {
      return ask<service::ListWorkflowExecutionsResponse>(to_, "ListWorkflowExecutions", r);
    });
    if (!page)
      return book_.wrong("the list was refused: " + page.error().message);
    for (const auto& info : page->executions()) {
      const auto& id = info.execution().workflow_id();
      if (!listed.insert(id).second)
        book_.wrong(id + " is listed twice");
      auto found = expected.find(id);
      if (found == expected.end())
        book_.wrong(id + " is listed, and nobody started it");
      else if (found->second.run_id != info.execution().run_id())
        book_.wrong(id + " is listed with run " + info.execution().run_id());
      if (info.status() != enums::WORKFLOW_EXECUTION_STATUS_COMPLETED)
        book_.wrong(id + " is listed as not completed");
    }
    r.set_next_page_token(page->next_page_token());
  } while (!r.next_page_token().empty());
  for (const auto& [id, order] : expected)
    if (!listed.contains(id))
      book_.wrong(id + " is not listed");
}

void campaign::end() {
  customers_.reset();
  workers_.clear();
}

} // namespace reprise::crash
