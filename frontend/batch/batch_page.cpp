#include "frontend/batch/batch_page.hpp"

#include "base/log.hpp"
#include "frontend/batch/batch_reset.hpp"
#include "temporal/api/workflowservice/v1/request_response.pb.h"

#include <algorithm>
#include <utility>

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;

namespace {

/// As the reference server tries them.
constexpr int attempts_max = 50;
/// Runs that wait to be tried again: while there are so many, no others are looked for. A store
/// that fails has a batch wait, not fail.
constexpr int later_max = 200;
/// Until a run is tried again while others are dealt with: doubled with each try.
constexpr duration first_pause = std::chrono::seconds{1};
constexpr duration longest_pause = std::chrono::seconds{10};
constexpr int doublings_max = 4;

time_point time_of(const google::protobuf::Timestamp& t) {
  return time_point{std::chrono::seconds{t.seconds()} + std::chrono::nanoseconds{t.nanos()}};
}

/// Names the current runs of those that were named without one, so that whatever follows them is
/// not taken for them later. False: the store could not say.
bool find_current(store::store& db, const std::string& namespace_id,
                  std::vector<batch::Target>& targets) {
  for (auto& target : targets) {
    if (!target.run_id().empty())
      continue;
    auto current = db.current_run(namespace_id, machine_kind::workflow, target.workflow_id());
    if (!current)
      return false;
    if (*current)
      target.set_run_id((*current)->run_id);
    else
      target.set_absent(true);
  }
  return true;
}

} // namespace

batch_page::batch_page(batch_means& means, batch::Order order, batch::Plan plan,
                       std::string namespace_id, ended done)
  : means_(means),
    order_(std::move(order)),
    plan_(std::move(plan)),
    namespace_id_(std::move(namespace_id)),
    job_(std::make_shared<const batch_request>(order_.request())),
    began_(time_of(order_.begin_time())),
    done_(std::move(done)) {
  report_.set_page(order_.page());
  next_plan_ = plan_;
  next_plan_.clear_targets();
}

batch_page::~batch_page() {
  end(std::nullopt);
}

void batch_page::end(std::optional<cluster::ReportBatch> report) {
  if (auto done = std::exchange(done_, nullptr))
    done(std::move(report));
}

void batch_page::begin() {
  if (order_.page() == 1 && !job_->visibility_query().empty())
    return count();
  go_on();
}

/// Who was answered while another thread is here leaves the rest to that one.
void batch_page::go_on() {
  std::unique_lock lock{mutex_};
  if (going_on_)
    return;
  going_on_ = true;
  auto stops = [this] { return means_.stopping.load(std::memory_order_acquire); };
  while (next_ < plan_.targets_size() && under_way_ < means_.at_once && !stops()) {
    auto place = static_cast<std::size_t>(next_++);
    ++under_way_;
    lock.unlock();
    act_on(place);
    lock.lock();
  }
  going_on_ = false;
  auto given_up = next_ < plan_.targets_size() && stops();
  auto is_over = under_way_ == 0 && (next_ == plan_.targets_size() || given_up);
  if (!is_over || std::exchange(acted_, true))
    return;
  lock.unlock();
  if (given_up)
    end(std::nullopt);
  else
    look_for_more();
}

void batch_page::act_on(std::size_t place) {
  const auto& target = plan_.targets(static_cast<int>(place));
  if (target.absent())
    return on_acted(place, verdict_on_absence(*job_));
  auto request_id = request_id_of(order_.run_id(), target);
  auto self = shared_from_this();
  if (job_->has_reset_operation())
    return reset_run(
      means_.api, {.job = job_, .began = began_, .to = target, .request_id = std::move(request_id)},
      [self, place](batch_verdict what) { self->on_acted(place, what); });
  auto what = call_on(*job_, target, request_id);
  if (!what)
    return on_acted(place, batch_verdict::failed);
  means_.api.ask(what->method, what->request, [self, place](const result<std::string>& answer) {
    self->on_acted(place, answer ? batch_verdict::done : verdict_on(answer.error()));
  });
}

void batch_page::on_acted(std::size_t place, batch_verdict what) {
  {
    std::lock_guard lock{mutex_};
    --under_way_;
    const auto& target = plan_.targets(static_cast<int>(place));
    if (what == batch_verdict::again && target.attempts() + 1 < attempts_max) {
      try_later(target);
    } else if (what == batch_verdict::done) {
      report_.set_done(report_.done() + 1);
    } else {
      report_.set_failed(report_.failed() + 1);
    }
  }
  go_on();
}

// -- the next page
// ------------------------------------------------------------------------------------------

/// How many there are in all is told, and nothing rests on it.
void batch_page::count() {
  api::CountWorkflowExecutionsRequest r;
  r.set_namespace_(job_->namespace_());
  r.set_query(list_query(*job_, began_));
  means_.api.ask_for<api::CountWorkflowExecutionsResponse>(
    "CountWorkflowExecutions", r, [self = shared_from_this()](auto counted) {
      if (counted)
        self->report_.set_total(counted->count());
      else if (verdict_on(counted.error()) == batch_verdict::failed)
        return self->report_failure(counted.error());
      self->go_on();
    });
}

void batch_page::try_later(const batch::Target& target) {
  auto& again = *next_plan_.add_later();
  again = target;
  again.set_attempts(target.attempts() + 1);
  auto pause = first_pause * (1 << std::min(target.attempts(), doublings_max));
  auto due = means_.api.now() + std::min(pause, longest_pause);
  again.mutable_due_at()->set_seconds(
    std::chrono::duration_cast<std::chrono::seconds>(due.time_since_epoch()).count());
}

/// Runs that cannot be dealt with hold up no others: they have at most half of a page, and only
/// those whose time has come, as long as there are others. (The actor makes the pauses then.)
void batch_page::take_back_some() {
  auto none_else = !looks_for_others();
  // Of pages of one run, every second one.
  auto turn = static_cast<int>(order_.page() % 2);
  auto most = none_else ? order_.targets_max() : (order_.targets_max() + turn) / 2;
  auto now = means_.api.now();
  google::protobuf::RepeatedPtrField<batch::Target> left;
  for (auto& target : *next_plan_.mutable_later())
    if (next_plan_.targets_size() < most && (none_else || time_of(target.due_at()) <= now))
      *next_plan_.add_targets() = std::move(target);
    else
      *left.Add() = std::move(target);
  next_plan_.mutable_later()->Swap(&left);
}

bool batch_page::looks_for_others() const {
  return next_plan_.more_to_list() && next_plan_.later_size() < later_max;
}

void batch_page::look_for_more() {
  auto looks = looks_for_others();
  take_back_some();
  auto most = order_.targets_max() - next_plan_.targets_size();
  if (!looks || most <= 0)
    return report();
  if (job_->visibility_query().empty())
    find_named(static_cast<std::size_t>(most));
  else
    list(static_cast<std::size_t>(most));
}

void batch_page::list(std::size_t most) {
  api::ListWorkflowExecutionsRequest r;
  r.set_namespace_(job_->namespace_());
  r.set_query(list_query(*job_, began_));
  r.set_page_size(static_cast<std::int32_t>(most));
  r.set_next_page_token(plan_.page_token());
  means_.api.ask_for<api::ListWorkflowExecutionsResponse>(
    "ListWorkflowExecutions", r, [self = shared_from_this()](auto listed) {
      if (!listed && verdict_on(listed.error()) == batch_verdict::failed)
        return self->report_failure(listed.error());
      // Else the next page looks for them again.
      if (listed) {
        auto& plan = self->next_plan_;
        for (const auto& row : listed->executions()) {
          auto& target = *plan.add_targets();
          target.set_workflow_id(row.execution().workflow_id());
          target.set_run_id(row.execution().run_id());
        }
        self->report_.set_found_others(!listed->executions().empty());
        plan.set_page_token(listed->next_page_token());
        plan.set_more_to_list(!listed->next_page_token().empty());
      }
      self->report();
    });
}

void batch_page::find_named(std::size_t most) {
  auto job = [self = shared_from_this(), most](store::store& db) {
    auto found = named_targets(*self->job_, self->plan_.place(), most);
    auto known = false;
    try {
      known = find_current(db, self->namespace_id_, found);
    } catch (...) {
      log_thrown(log_level::error, "runs of a batch could not be looked for");
    }
    if (known)
      self->on_named(std::move(found), most);
    self->report();
  };
  if (!means_.back.run_blocking(std::move(job)))
    report();
}

void batch_page::on_named(std::vector<batch::Target> found, std::size_t most) {
  next_plan_.set_place(plan_.place() + static_cast<std::int64_t>(found.size()));
  next_plan_.set_more_to_list(found.size() == most && next_plan_.place() < count_named(*job_));
  report_.set_found_others(!found.empty());
  for (auto& target : found)
    *next_plan_.add_targets() = std::move(target);
}

void batch_page::report() {
  // The list had no more: whoever waits has the page.
  if (next_plan_.targets_size() == 0 && !next_plan_.more_to_list())
    take_back_some();
  if (next_plan_.targets_size() > 0 || next_plan_.more_to_list() || next_plan_.later_size() > 0)
    report_.set_next_page_token(next_plan_.SerializeAsString());
  end(std::move(report_));
}

void batch_page::report_failure(const error& why) {
  log(log_level::warn,
      {"batch ", job_->job_id(), " of namespace ", job_->namespace_(), " failed: ", why.message});
  report_.set_failure(why.message.empty() ? "its runs could not be listed" : why.message);
  end(std::move(report_));
}

} // namespace reprise::frontend
