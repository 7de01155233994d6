#include "tests/crash/load/customers.hpp"

#include "temporal/api/workflowservice/v1/request_response.pb.h"

namespace reprise::crash {

namespace service = temporal::api::workflowservice::v1;
namespace enums = temporal::api::enums::v1;

namespace {

using std::chrono::milliseconds;

constexpr auto pause_between_tries = milliseconds{10};
constexpr auto pause_between_looks = milliseconds{400};
constexpr int task_timeout_s = 2;
constexpr std::uint64_t signal_spread_ms = 1500;

/// The fields that start and signal-with-start have in common.
template <class Request>
void describe_order(Request& r, const order_plan& plan) {
  r.set_namespace_("default");
  r.set_workflow_id(plan.workflow_id());
  r.mutable_workflow_type()->set_name(order_type);
  r.mutable_task_queue()->set_name(order_queue);
  r.mutable_workflow_task_timeout()->set_seconds(task_timeout_s);
  r.set_request_id("start " + plan.workflow_id());
  r.set_identity("customer");
  set_text(*r.mutable_input(), plan.text());
}

} // namespace

customers::customers(transport& to, ledger& book, options how)
  : to_(to), book_(book), how_(how), random_(how.seed) {
  for (std::size_t i = 0; i < how_.in_flight; ++i)
    after(milliseconds{random() % signal_spread_ms}, [this] { begin_order(); });
  for (std::size_t i = 0; i < how_.threads; ++i)
    threads_.emplace_back([this](const std::stop_token& s) { serve(s); });
}

customers::~customers() {
  for (auto& t : threads_)
    t.request_stop();
  threads_.clear();
}

void customers::close() {
  std::lock_guard lock{mutex_};
  closed_ = true;
}

void customers::serve(const std::stop_token& stop) {
  while (true) {
    job next;
    {
      std::unique_lock lock{mutex_};
      if (!changed_.wait(lock, stop, [this] { return !jobs_.empty(); }))
        return;
      auto due = jobs_.top().at;
      if (due > std::chrono::steady_clock::now()) {
        changed_.wait_until(lock, stop, due,
                            [this, due] { return !jobs_.empty() && jobs_.top().at < due; });
        if (stop.stop_requested())
          return;
        continue;
      }
      next = jobs_.top();
      jobs_.pop();
    }
    next.run();
    if (stop.stop_requested())
      return;
  }
}

void customers::after(milliseconds wait, std::function<void()> run) {
  {
    std::lock_guard lock{mutex_};
    jobs_.push({std::chrono::steady_clock::now() + wait, std::move(run)});
  }
  changed_.notify_one();
}

std::uint64_t customers::random() {
  std::lock_guard lock{mutex_};
  return random_.random();
}

void customers::begin_order() {
  order_plan plan;
  {
    std::lock_guard lock{mutex_};
    if (closed_)
      return;
    plan = make_plan(how_.seed, ++last_number_);
  }
  book_.add(plan);
  start(plan);
}

result<std::string> customers::call_start(const order_plan& plan) {
  if (plan.by_signal) {
    service::SignalWithStartWorkflowExecutionRequest r;
    describe_order(r, plan);
    r.set_signal_name(signal_name);
    set_text(*r.mutable_signal_input(), "0");
    auto answer = ask<service::SignalWithStartWorkflowExecutionResponse>(
      to_, "SignalWithStartWorkflowExecution", r);
    if (!answer)
      return answer.error();
    return answer->run_id();
  }
  service::StartWorkflowExecutionRequest r;
  describe_order(r, plan);
  auto answer = ask<service::StartWorkflowExecutionResponse>(to_, "StartWorkflowExecution", r);
  if (!answer)
    return answer.error();
  return answer->run_id();
}

void customers::start(const order_plan& plan) {
  auto run_id = call_start(plan);
  if (!run_id) {
    if (!may_have_happened(run_id.error()))
      book_.wrong(plan.workflow_id() + ": the start was refused: " + run_id.error().message);
    after(pause_between_tries, [this, plan] { start(plan); });
    return;
  }
  book_.start_acknowledged(plan, *run_id);
  if (plan.by_signal)
    book_.signal_acknowledged(plan.workflow_id(), 0);
  plan_signals(plan);
  after(milliseconds{plan.timer_ms} + pause_between_looks, [this, plan] { look(plan); });
  // Behind the end a repeated signal-with-start would begin another run.
  if (!plan.by_signal && random() % 3 == 0)
    after(milliseconds{random() % (2 * signal_spread_ms)}, [this, plan] {
      if (auto again = call_start(plan))
        book_.start_acknowledged(plan, *again);
    });
}

void customers::plan_signals(const order_plan& plan) {
  for (int i = plan.by_signal ? 1 : 0; i < plan.signals; ++i)
    after(milliseconds{random() % signal_spread_ms}, [this, plan, i] { signal(plan, i, false); });
}

void customers::signal(const order_plan& plan, int number, bool repeats) {
  service::SignalWorkflowExecutionRequest r;
  r.set_namespace_("default");
  r.mutable_workflow_execution()->set_workflow_id(plan.workflow_id());
  r.set_signal_name(signal_name);
  r.set_request_id("signal " + std::to_string(number));
  set_text(*r.mutable_input(), std::to_string(number));
  auto answer = ask<service::SignalWorkflowExecutionResponse>(to_, "SignalWorkflowExecution", r);
  if (answer) {
    book_.signal_acknowledged(plan.workflow_id(), number);
    // Some callers do not trust the answer.
    if (!repeats && random() % 4 == 0)
      signal(plan, number, true);
    return;
  }
  if (may_have_happened(answer.error())) {
    after(pause_between_tries, [this, plan, number] { signal(plan, number, true); });
    return;
  }
  // The order may have ended because of a try whose answer was lost.
  if (!repeats || answer.error().code != errc::not_found)
    book_.wrong(plan.workflow_id() + ": signal " + std::to_string(number)
                + " was refused: " + answer.error().message);
}

void customers::look(const order_plan& plan) {
  auto events = read_order(to_, plan);
  if (!events && !may_have_happened(events.error()))
    book_.wrong(plan.workflow_id() + ": its history was refused: " + events.error().message);
  if (!events || events->empty()) {
    after(pause_between_looks, [this, plan] { look(plan); });
    return;
  }
  auto last = events->back().event_type();
  if (last == enums::EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED
      || last == enums::EVENT_TYPE_WORKFLOW_EXECUTION_FAILED
      || last == enums::EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED) {
    book_.finish(plan, *events);
    return begin_order();
  }
  book_.saw(plan.workflow_id(), *events);
  after(pause_between_looks, [this, plan] { look(plan); });
}

result<std::vector<history_event>> read_order(transport& to, const order_plan& plan) {
  service::GetWorkflowExecutionHistoryRequest r;
  r.set_namespace_("default");
  r.mutable_execution()->set_workflow_id(plan.workflow_id());
  std::vector<history_event> events;
  do {
    auto answer
      = ask<service::GetWorkflowExecutionHistoryResponse>(to, "GetWorkflowExecutionHistory", r);
    if (!answer)
      return answer.error();
    for (auto& e : *answer->mutable_history()->mutable_events())
      events.push_back(std::move(e));
    r.set_next_page_token(answer->next_page_token());
  } while (!r.next_page_token().empty());
  return events;
}

} // namespace reprise::crash
