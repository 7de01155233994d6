#include "tests/simulation/model/cluster.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace reprise::simulation {

namespace {

constexpr int depth_max = 3;
/// How long trouble (a dead process, a store that is down) may delay answers after its end.
constexpr duration trouble_lasts = 20s;

const std::string path_prefix = "/temporal.api.workflowservice.v1.WorkflowService/";

error connection_lost() {
  return make_error(errc::unavailable, "connection lost");
}

} // namespace

cluster_of_processes::cluster_of_processes(universe& all, ledger& judge, const setup& how)
  : all_(all), how_(how), disk_(all, judge, plan) {
}

cluster_of_processes::~cluster_of_processes() {
  calls_.clear();
  processes_.clear();
}

// -- processes -----------------------------------------------------------------------------------

void cluster_of_processes::start_process() {
  process_options o;
  o.number = ++last_process_;
  o.how = how_.how;
  o.memory_budget_bytes = how_.memory_budget_bytes;
  o.capacity = how_.capacity;
  o.lease_length = how_.leased ? duration{15s} : duration{0};
  o.seed = all_.random.next();
  all_.say("process " + std::to_string(o.number) + " starts");
  trouble_until(all_.now());
  processes_.push_back(std::make_unique<process>(
    all_, disk_, o, plan, [this, n = o.number](operation what) { return decide_fate(what, n); }));
  processes_.back()->on_failed = [this, n = o.number] {
    // As the binary does: it ends, with an error.
    all_.after(duration{0}, [this, n] {
      if (auto* failed = by_number(n))
        failed->kill();
    });
  };
  auto& shared = processes_.back()->server().node().shared();
  shared.before_decision = [this](const cluster::ExecutionRequest&) {
    if (now.throws > 0 && all_.random.chance(now.throws)) {
      ++all_.happened["throws"];
      all_.say("an execution throws");
      throw std::runtime_error("fate");
    }
  };
  shared.allocation_fails = [this](actors::allocation where) {
    auto fails = now.allocations > 0 && all_.random.chance(now.allocations);
    if (fails) {
      ++all_.happened["failed allocations"];
      all_.say("allocation " + std::to_string(static_cast<int>(where)) + " fails");
    }
    return fails;
  };
}

void cluster_of_processes::trouble_until(time_point end) {
  troubled_until_ = std::max(troubled_until_, end + trouble_lasts);
}

process* cluster_of_processes::by_number(int number) {
  for (auto& p : processes_)
    if (p->number() == number)
      return p.get();
  return nullptr;
}

process* cluster_of_processes::serving_process() {
  for (auto& p : processes_)
    if (!p->killed() && !p->frozen && !p->draining && p->server().node().serving())
      return p.get();
  return nullptr;
}

bool cluster_of_processes::serving() const {
  return std::any_of(processes_.begin(), processes_.end(), [](const auto& p) {
    return !p->killed() && !p->frozen && !p->draining && p->server().node().serving();
  });
}

process* cluster_of_processes::any_process(bool serving_first) {
  if (auto* p = serving_process(); p != nullptr && serving_first)
    return p;
  std::vector<process*> all;
  for (auto& p : processes_)
    if (!p->killed())
      all.push_back(p.get());
  return all.empty() ? nullptr : all_.random.pick(all);
}

void cluster_of_processes::kill_one() {
  if (auto* p = any_process(true)) {
    ++all_.happened["kills"];
    p->kill();
  }
}

void cluster_of_processes::freeze_one(duration how_long) {
  auto* p = any_process(true);
  if (p == nullptr || p->frozen)
    return;
  ++all_.happened["freezes"];
  all_.say("process " + std::to_string(p->number()) + " freezes");
  p->frozen = true;
  trouble_until(all_.now() + how_long);
  all_.after(how_long, [this, n = p->number()] {
    if (auto* frozen = by_number(n)) {
      all_.say("process " + std::to_string(n) + " goes on");
      frozen->frozen = false;
      frozen->catch_up();
    }
  });
}

void cluster_of_processes::cut_off_one(duration how_long) {
  auto* p = any_process(true);
  if (p == nullptr || p->cut_off)
    return;
  ++all_.happened["cut off from the store"];
  all_.say("process " + std::to_string(p->number()) + " is cut off from the store");
  p->cut_off = true;
  trouble_until(all_.now() + how_long);
  all_.after(how_long, [this, n = p->number()] {
    if (auto* back = by_number(n))
      back->cut_off = false;
  });
}

void cluster_of_processes::check_owners() const {
  auto answers = [](const auto& p) {
    const auto& lease = p->server().node().shared().own_lease;
    return !p->killed() && lease.valid() && lease.serves_all();
  };
  if (processes_.size() > 1 && std::ranges::count_if(processes_, answers) > 1)
    all_.fail("two processes answer from memory");
}

void cluster_of_processes::drain_one() {
  auto* p = serving_process();
  if (p == nullptr)
    return;
  ++all_.happened["drains"];
  all_.say("process " + std::to_string(p->number()) + " drains");
  p->drain();
  p->kill();
}

void cluster_of_processes::kill_some_slot(process& p) {
  auto& shared = p.server().node().shared();
  std::vector<std::size_t> busy;
  for (std::size_t i = 0; i < shared.residents.size(); ++i)
    if (shared.residents[i].load() > 0)
      busy.push_back(i);
  if (busy.empty())
    return;
  ++all_.happened["slot deaths"];
  auto slot = all_.random.pick(busy);
  all_.say("slot " + std::to_string(slot) + " dies");
  caf::anon_send_exit(shared.slots[slot].get(), caf::exit_reason::kill);
}

void cluster_of_processes::kill_some_actor() {
  auto* p = serving_process();
  if (p == nullptr)
    return;
  auto& shared = p->server().node().shared();
  auto kill = [this](const char* text, const auto& who) {
    ++all_.happened[text];
    all_.say(text);
    caf::anon_send_exit(who, caf::exit_reason::kill);
  };
  trouble_until(all_.now());
  switch (all_.random.below(10)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return kill_some_slot(*p);
    case 4:
    case 5:
      return kill("timer deaths", shared.timer.get());
    case 6:
      return kill("bridge deaths",
                  p->server().bridge().actor(static_cast<std::size_t>(all_.random.below(4))));
    case 7: {
      auto readers = shared.readers.all();
      return kill("reader deaths", all_.random.pick(readers));
    }
    case 8:
      return all_.random.chance(500) ? kill("writer deaths", shared.writer)
                                     : kill("keeper deaths", shared.keeper);
    default:
      break;
  }
  auto rows = disk_.below().namespaces();
  store::queue_key key{
    .namespace_id = rows->front().id, .name = "queue", .kind = all_.random.chance(500) ? 1 : 2};
  if (auto queue = p->server().node().queues().find(key)) {
    ++all_.happened["queue deaths"];
    all_.say("a queue dies");
    caf::anon_send_exit(queue, caf::exit_reason::kill);
  }
}

void cluster_of_processes::lose_calls(process& p) {
  std::vector<std::uint64_t> lost;
  for (auto& [number, c] : calls_)
    if (c.server == &p)
      lost.push_back(number);
  for (auto number : lost) {
    auto c = std::move(calls_.extract(number).mapped());
    give(std::move(c), connection_lost());
  }
}

void cluster_of_processes::destroy(process& p) {
  all_.say("process " + std::to_string(p.number()) + " is gone");
  trouble_until(all_.now());
  lose_calls(p);
  p.frozen = false;
  all_.happened["passivations"]
    += static_cast<int>(p.server().node().shared().watch.passivated.value());
  std::erase_if(processes_, [&p](const auto& x) { return x.get() == &p; });
}

void cluster_of_processes::settle_lost() {
  if (depth_ > 0)
    return;
  std::vector<process*> dead;
  for (auto& p : processes_)
    if (p->killed())
      dead.push_back(p.get());
  for (auto* p : dead)
    destroy(*p);
}

verdict cluster_of_processes::decide_fate(operation what, int number) {
  auto& random = all_.random;
  auto* p = by_number(number);
  if (p != nullptr && depth_ < depth_max && now.overlaps > 0 && random.chance(now.overlaps)) {
    ++depth_;
    for (int n = random.below(12); n > 0 && p->has_jobs() && !p->killed(); --n)
      p->run_job();
    --depth_;
  }
  if (p != nullptr && p->cut_off)
    return {.what = verdict::kind::refused};
  auto note = [&](const char* text, verdict v) {
    ++all_.happened[text];
    all_.say(text);
    return v;
  };
  if (p != nullptr && now.kills > 0 && random.chance(now.kills)) {
    // Before or after the disk had the call.
    if (random.chance(500)) {
      p->kill();
      return note("killed before a store call", {.what = verdict::kind::refused});
    }
    all_.after(duration{0}, [this, number] {
      if (auto* dying = by_number(number))
        dying->kill();
    });
    return note("killed after a store call", {.what = verdict::kind::answer_lost});
  }
  if (what == operation::read) {
    if (random.chance(now.failed_reads))
      return note("failed read", {.what = verdict::kind::refused});
    return {};
  }
  if (what == operation::commit && forgets_ > 0) {
    --forgets_;
    return note("forgotten commit", {.what = verdict::kind::forgotten});
  }
  auto luck = random.below(1000);
  if (luck < now.refused)
    return note("refused write", {.what = verdict::kind::refused});
  if ((luck -= now.refused) < now.answer_lost)
    return note("lost answer of a write", {.what = verdict::kind::answer_lost});
  if ((luck -= now.answer_lost) < now.late && what == operation::commit)
    return note("late commit", {.what = verdict::kind::late, .late_calls = 1 + random.below(30)});
  return {};
}

// -- running -------------------------------------------------------------------------------------

bool cluster_of_processes::has_jobs() const {
  return std::any_of(processes_.begin(), processes_.end(),
                     [](const auto& p) { return p->has_jobs(); });
}

void cluster_of_processes::run_job() {
  std::vector<process*> ready;
  for (auto& p : processes_)
    if (p->has_jobs())
      ready.push_back(p.get());
  if (ready.empty())
    return;
  all_.random.pick(ready)->run_job();
  settle_lost();
}

void cluster_of_processes::run_all() {
  constexpr int jobs_max = 2'000'000;
  for (int n = 0; has_jobs() && all_.failure.empty(); ++n) {
    if (n > jobs_max)
      return all_.fail("jobs make jobs without end, while no time passes");
    run_job();
  }
}

std::optional<time_point> cluster_of_processes::next_timeout() {
  std::optional<time_point> next;
  for (auto& p : processes_)
    if (auto t = p->next_timeout(); t && (!next || *t < *next))
      next = t;
  return next;
}

void cluster_of_processes::pass_time(time_point to) {
  all_.set_now(to);
  if (now.refused >= 500 || now.failed_reads >= 500)
    trouble_until(all_.now());
  for (auto& p : processes_)
    p->catch_up();
}

// -- calls ---------------------------------------------------------------------------------------

std::uint64_t cluster_of_processes::call(const std::string& method,
                                         const google::protobuf::Message& request,
                                         duration deadline, response done) {
  auto number = ++last_call_;
  auto* p = any_process(!all_.random.chance(50));
  auto& c = calls_[number];
  c.method = method;
  c.request = request.SerializeAsString();
  c.server = p;
  c.done = std::move(done);
  c.since = all_.now();
  if (p == nullptr) {
    give(std::move(calls_.extract(number).mapped()), connection_lost());
    return number;
  }
  all_.say("call " + std::to_string(number) + " " + method + " to p" + std::to_string(p->number()));
  all_.after(deadline, [this, number] { on_deadline(number); });
  auto handle = p->server().front().serve(
    path_prefix + method, c.request,
    {{"client-name", "temporal-go"}, {"supported-features", "follows-next-run-id"}},
    all_.server_time().now() + deadline,
    [this, number](result<std::string> answer) { on_answer(number, std::move(answer)); });
  if (auto still = calls_.find(number); still != calls_.end())
    still->second.handle = std::move(handle);
  return number;
}

void cluster_of_processes::on_answer(std::uint64_t number, result<std::string> answer) {
  auto found = calls_.find(number);
  if (found == calls_.end())
    return;
  // What a killed process still says, nobody hears.
  if (found->second.server->killed())
    return;
  auto c = std::move(calls_.extract(found).mapped());
  all_.say("answer " + std::to_string(number) + " "
           + (answer ? "ok" : std::string{to_string(answer.error().code)}));
  if (see)
    see(c.method, c.request, answer);
  if (now.lost_answers > 0 && all_.random.chance(now.lost_answers)) {
    ++all_.happened["lost answers"];
    return give(std::move(c), connection_lost());
  }
  give(std::move(c), std::move(answer));
}

void cluster_of_processes::give(client_call c, result<std::string> answer) {
  auto later = std::make_shared<std::pair<response, result<std::string>>>(std::move(c.done),
                                                                          std::move(answer));
  all_.after(all_.random.between(0ms, 5ms), [later] { later->first(std::move(later->second)); });
}

void cluster_of_processes::on_deadline(std::uint64_t number) {
  auto found = calls_.find(number);
  if (found == calls_.end())
    return;
  auto& c = found->second;
  // It may be on its way: then the server was slow, which is no fault of it.
  auto excused = c.server->has_jobs() || c.server->frozen || all_.now() < troubled_until_;
  if (excused && ++c.extended < 120) {
    all_.after(1s, [this, number] { on_deadline(number); });
    return;
  }
  all_.fail("call " + std::to_string(number) + " " + c.method
            + " was not answered by its deadline");
}

bool cluster_of_processes::abandon(std::uint64_t number) {
  auto found = calls_.find(number);
  if (found == calls_.end())
    return false;
  auto c = std::move(calls_.extract(found).mapped());
  all_.say("caller of " + std::to_string(number) + " hangs up");
  if (c.handle)
    c.handle->cancel();
  return true;
}

std::vector<waiting_worker> cluster_of_processes::waiting_polls() {
  std::vector<waiting_worker> out;
  auto* p = serving_process();
  // Both polls have the name of their queue in one place.
  service::PollWorkflowTaskQueueRequest request;
  for (const auto& [number, c] : calls_) {
    auto kind = c.method == "PollWorkflowTaskQueue"   ? 1
                : c.method == "PollActivityTaskQueue" ? 2
                                                      : 0;
    if (kind == 0 || c.server != p || !request.ParseFromString(c.request))
      continue;
    out.push_back({.kind = kind, .queue = request.task_queue().name(), .since = c.since});
  }
  return out;
}

result<std::string> cluster_of_processes::ask(const std::string& method,
                                              const google::protobuf::Message& request) {
  auto* p = serving_process();
  if (p == nullptr)
    return connection_lost();
  auto answer = std::make_shared<std::optional<result<std::string>>>();
  auto handle
    = p->server().front().serve(path_prefix + method, request.SerializeAsString(),
                                {{"client-name", "temporal-cli"}}, all_.server_time().now() + 60s,
                                [answer](result<std::string> r) { answer->emplace(std::move(r)); });
  for (int n = 0; n < 100'000 && !answer->has_value() && p->has_jobs(); ++n)
    p->run_job();
  if (answer->has_value())
    return std::move(**answer);
  handle->cancel();
  return make_error(errc::deadline_exceeded, "not answered");
}

} // namespace reprise::simulation
