#include "tests/simulation/model/world.hpp"

#include "actors/run/loader.hpp"
#include "base/broken_invariants.hpp"
#include "engine/engine.hpp"
#include "engine/machine/proto_time.hpp"
#include "frontend/namespace/namespaces.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace reprise::simulation {

namespace {

namespace enums = temporal::api::enums::v1;

class world {
public:
  explicit world(const world_options& options)
    : options_(options),
      all_(options.seed),
      judge_(all_),
      how_(make_setup(options.seed)),
      servers_(all_, judge_, how_),
      late_(all_, judge_, servers_, how_.capacity.queues_max < actors::node_bounds{}.queues_max),
      parts_{.all = all_,
             .judge = judge_,
             .servers = servers_,
             .seed = options.seed,
             .tells_time = options.forgetful} {
    all_.told.print = options.print_trace;
    all_.told.keep = options.keep_trace;
    servers_.see = [this](const auto& method, const auto& request, const auto& answer) {
      witness(method, request, answer);
    };
  }

  ~world() {
    for (auto& w : workers_)
      w->stop();
    all_.agenda.clear();
  }

  report run() {
    auto broken = broken_invariants();
    servers_.plan.what = options_.plant;
    make_namespace();
    begin();
    live_until(all_.now() + all_.random.between(60s, 200s));
    heal();
    plant();
    // Whatever can go on does, by itself; also what clients still have under way.
    live_promptly_until(all_.now() + 100s);
    if (ok())
      finish();
    if (ok())
      check_rest();
    if (ok())
      forget();
    if (broken_invariants() != broken)
      all_.fail("an invariant of the server was broken; its log says which");
    all_.happened["early starts"] = static_cast<int>(judge_.early_starts());
    all_.happened["lost starts"] = static_cast<int>(judge_.lost_starts());
    return {.failure = all_.failure,
            .hash = all_.told.hash(),
            .steps = all_.told.size(),
            .runs = judge_.runs().size(),
            .commits = judge_.commits(),
            .happened = all_.happened,
            .lines = all_.told.lines()};
  }

private:
  bool ok() const {
    return all_.failure.empty();
  }

  setup make_setup(std::uint64_t seed) {
    auto& random = all_.random;
    setup s;
    s.leased = random.chance(400);
    s.how = static_cast<order>(random.below(4));
    s.memory_budget_bytes = random.pick<std::size_t>({0, 20U << 10, 1U << 20, 96U << 20});
    s.capacity = bounds(seed);
    s.capacity.run.rows_per_snapshot = rows_per_snapshot(seed);
    return s;
  }

  /// Half of the seeds meet bounds all the time. By dice of its own, like snapshots.
  static actors::node_bounds bounds(std::uint64_t seed) {
    dice random{seed ^ 0x5851'F42D'4C95'7F2DULL};
    actors::node_bounds b;
    if (random.chance(500))
      return b;
    auto up_to = [&random](int most) { return static_cast<std::size_t>(1 + random.below(most)); };
    b.run.snapshot_bytes_max = std::size_t{64} << random.below(12);
    b.run.tail_bytes_max = std::size_t{64} << random.below(8);
    b.run.replay_bytes_max = std::size_t{256} << random.below(8);
    b.workflow.calls_max = up_to(6);
    b.workflow.call_bytes_max = std::size_t{128} << random.below(6);
    b.workflow.polls_max = up_to(3);
    b.workflow.queries_max = up_to(3);
    b.workflow.older_runs_max = up_to(3);
    b.queue.pollers_max = up_to(12);
    b.queue.handed_max = up_to(4);
    b.queue.tasks_max = up_to(8);
    b.queue.task_bytes_max = std::size_t{512} << random.below(5);
    b.queue.queries_max = up_to(2);
    b.queue.page_rows = up_to(4);
    b.queue.erase_rows = up_to(4);
    b.timer.armed_max = up_to(8);
    b.timer.page_rows = up_to(4);
    b.timer.credits_max = up_to(3);
    b.timer.sweeps_max = up_to(3);
    b.calls_max = 60 + up_to(100);
    b.call_bytes_max = std::size_t{16'384} << random.below(4);
    b.queues_max = 12 + up_to(12);
    b.timer.put_off_max = up_to(3);
    b.returned_max = 4 + up_to(8);
    b.messages.messages_max = 1 + up_to(8);
    b.messages.bytes_max = std::size_t{64} << random.below(8);
    b.messages.under_way_max = up_to(4);
    b.messages.forgets_max = up_to(4);
    b.messages.page_rows = up_to(4);
    return b;
  }

  /// 3 to 512. Most runs have a few dozen rows, so small numbers are as likely as large ones. By
  /// dice of its own: how often snapshots are written shall change nothing else of a life.
  static std::uint64_t rows_per_snapshot(std::uint64_t seed) {
    constexpr int most = 512;
    constexpr int fewest = 3;
    dice random{~seed};
    auto bound = fewest << random.below(8);
    return static_cast<std::uint64_t>(fewest
                                      + random.below(std::min(2 * bound, most) - fewest + 1));
  }

  void make_namespace() {
    google::protobuf::Duration retention;
    retention.set_seconds(3600);
    auto record = frontend::new_namespace("default", namespace_id, retention);
    (*record.mutable_search_attributes())["Tag"] = enums::INDEXED_VALUE_TYPE_KEYWORD;
    auto made = servers_.durable().below().create_namespace(
      {.id = namespace_id, .name = "default", .version = 1, .record = record.SerializeAsString()});
    if (!made)
      all_.fail("no namespace: " + made.error().message);
  }

  void begin() {
    auto& random = all_.random;
    change_weather();
    servers_.start_process();
    if (how_.leased)
      servers_.start_process();
    for (int n = 1 + random.below(3); n > 0; --n)
      add_worker();
    auto workflows = 2 + random.below(11);
    for (int n = 1 + random.below(3); n > 0; --n) {
      clients_.push_back(
        std::make_shared<client>(parts_, "c" + std::to_string(clients_.size()), workflows));
      clients_.back()->live();
    }
    all_.after(random.between(1s, 10s), [this] { fate(); });
    if (options_.forgetful)
      forget_commits();
    keep_running();
  }

  /// As a database does that fails over to a replica which was behind.
  void forget_commits() {
    all_.after(all_.random.between(5s, 40s), [this] {
      if (!parts_.chaos)
        return;
      servers_.forget_commits(1 + all_.random.below(5));
      forget_commits();
    });
  }

  void add_worker() {
    workers_.push_back(std::make_shared<worker>(parts_, "w" + std::to_string(worker_names_++)));
    workers_.back()->start();
  }

  // -- fate --------------------------------------------------------------------------------------

  void change_weather() {
    auto& random = all_.random;
    auto& w = servers_.now;
    w = {};
    w.overlaps = random.pick<int>({0, 200, 600});
    switch (random.below(8)) {
      case 0:
      case 1:
        break;
      case 2:
        w.refused = 50;
        w.answer_lost = 50;
        w.late = 50;
        w.failed_reads = 50;
        break;
      case 3:
        w.answer_lost = 150;
        w.late = 150;
        break;
      case 4:
        w.throws = 60;
        w.allocations = random.pick<int>({0, 30, 60});
        break;
      case 5:
        w.refused = 1000;
        w.failed_reads = 1000;
        break;
      case 6:
        w.failed_reads = 200;
        w.lost_answers = 100;
        break;
      default:
        w.kills = 10;
        w.throws = 10;
        w.late = 50;
        break;
    }
    note_weather();
    all_.say("weather " + std::to_string(w.refused) + " " + std::to_string(w.answer_lost) + " "
             + std::to_string(w.late) + " " + std::to_string(w.failed_reads) + " "
             + std::to_string(w.throws) + " " + std::to_string(w.allocations) + " "
             + std::to_string(w.kills));
  }

  /// One stroke of fate, and the time of the next.
  void fate() {
    if (!parts_.chaos)
      return;
    auto& random = all_.random;
    auto down = servers_.now.refused == 1000;
    all_.after(down ? random.between(1s, 8s) : random.between(1s, 20s), [this] { fate(); });
    switch (random.below(11)) {
      case 0:
        return servers_.kill_one();
      case 1:
        return servers_.drain_one();
      case 2:
        if (how_.leased && random.chance(400))
          return servers_.cut_off_one(random.between(1s, 40s));
        return servers_.freeze_one(random.between(1s, 40s));
      case 3:
        return servers_.kill_some_actor();
      case 4: {
        auto& w
          = workers_[static_cast<std::size_t>(random.below(static_cast<int>(workers_.size())))];
        all_.say("a worker vanishes");
        w->stop();
        workers_.erase(workers_.begin() + (&w - workers_.data()));
        return add_worker();
      }
      case 5:
        return check_live();
      case 6:
        return set_clock();
      default:
        return change_weather();
    }
  }

  /// Somebody sets the wall clock, by seconds or by up to a day, or right again.
  void set_clock() {
    auto& random = all_.random;
    auto most = random.pick<duration>({0s, 3s, 10min, 24h});
    auto off = random.between(0s, 2 * most + 1s) - most;
    ++all_.happened[off < duration{0} ? "clocks set back" : "clocks set forward"];
    all_.set_clock(off);
  }

  /// Starts what was killed again, after a while.
  void keep_running() {
    auto wanted = how_.leased ? 2U : 1U;
    if (servers_.alive() < wanted)
      servers_.start_process();
    all_.after(all_.random.between(100ms, 10s), [this] { keep_running(); });
  }

  // -- time --------------------------------------------------------------------------------------

  /// One thing happens: a job runs, or time passes and something becomes due.
  void step(time_point until) {
    auto& random = all_.random;
    servers_.check_owners();
    if (servers_.has_jobs() && (prompt_ || !random.chance(30))) {
      servers_.run_job();
      return;
    }
    auto to = until;
    if (!all_.agenda.empty())
      to = std::min(to, all_.agenda.begin()->first);
    if (auto next = servers_.next_timeout())
      to = std::min(to, *next);
    // The world does not wait for jobs that are ready: they are slow now and then.
    if (servers_.has_jobs())
      to = std::min(to, all_.now() + random.between(0ms, random.chance(20) ? 1000ms : 10ms));
    servers_.pass_time(std::max(to, all_.now()));
    servers_.settle_lost();
    while (!all_.agenda.empty() && all_.agenda.begin()->first <= all_.now()) {
      auto what = std::move(all_.agenda.extract(all_.agenda.begin()).mapped());
      what();
      servers_.settle_lost();
    }
  }

  void live_until(time_point end) {
    while (all_.now() < end && ok()) {
      step(end);
      check_hand_outs();
    }
  }

  /// Where nothing is amiss, and nobody is only slow.
  void check_hand_outs() {
    if (!calm_since_ || servers_.has_jobs() || all_.now() - looked_ < 1s)
      return;
    looked_ = all_.now();
    judge_.check_hand_outs(std::max(*calm_since_, servers_.troubled_until()));
  }

  /// Also behind bad weather answers are late for a while.
  void note_weather() {
    auto fair = weather{.overlaps = servers_.now.overlaps};
    calm_since_.reset();
    if (servers_.now == fair)
      calm_since_ = all_.now() + 20s;
  }

  // -- what left the server ----------------------------------------------------------------------

  template <class Message>
  static Message parse(const std::string& bytes) {
    Message m;
    m.ParseFromString(bytes);
    return m;
  }

  void witness(const std::string& method, const std::string& request,
               const result<std::string>& answer) {
    if (!answer)
      return witness_failure(method, answer.error());
    if (method == "StartWorkflowExecution") {
      auto asked = parse<service::StartWorkflowExecutionRequest>(request);
      auto got = parse<service::StartWorkflowExecutionResponse>(*answer);
      judge_.saw_start(asked.workflow_id(), asked.request_id(), got.run_id());
      if (got.has_eager_workflow_task())
        judge_.saw_eager_task(asked.request_id(), got.eager_workflow_task());
    } else if (method == "SignalWithStartWorkflowExecution") {
      auto asked = parse<service::SignalWithStartWorkflowExecutionRequest>(request);
      judge_.saw_signal_accepted(asked.workflow_id(), asked.signal_name());
    } else if (method == "SignalWorkflowExecution") {
      auto asked = parse<service::SignalWorkflowExecutionRequest>(request);
      judge_.saw_signal_accepted(asked.workflow_execution().workflow_id(), asked.signal_name());
    } else if (method == "PollWorkflowTaskQueue") {
      auto got = parse<service::PollWorkflowTaskQueueResponse>(*answer);
      if (!got.task_token().empty())
        judge_.saw_workflow_task(got);
    } else if (method == "RespondWorkflowTaskCompleted") {
      auto got = parse<service::RespondWorkflowTaskCompletedResponse>(*answer);
      judge_.saw_workflow_task_ended(
        parse<service::RespondWorkflowTaskCompletedRequest>(request).task_token());
      if (!got.workflow_task().task_token().empty())
        judge_.saw_next_task(got.workflow_task());
      for (const auto& a : got.activity_tasks())
        judge_.saw_activity_task(a);
    } else if (method == "RespondWorkflowTaskFailed") {
      judge_.saw_workflow_task_ended(
        parse<service::RespondWorkflowTaskFailedRequest>(request).task_token());
    } else if (method == "PollActivityTaskQueue") {
      auto got = parse<service::PollActivityTaskQueueResponse>(*answer);
      if (!got.task_token().empty())
        judge_.saw_activity_task(got);
    } else if (!witness_update(method, *answer)) {
      witness_read(method, request, *answer);
    }
  }

  bool witness_update(const std::string& method, const std::string& answer) {
    service::UpdateWorkflowExecutionResponse got;
    if (method == "UpdateWorkflowExecution") {
      got = parse<service::UpdateWorkflowExecutionResponse>(answer);
    } else if (method == "ExecuteMultiOperation") {
      auto both = parse<service::ExecuteMultiOperationResponse>(answer);
      if (both.responses_size() == 2)
        got = both.responses(1).update_workflow();
    } else if (method == "PollWorkflowExecutionUpdate") {
      auto polled = parse<service::PollWorkflowExecutionUpdateResponse>(answer);
      *got.mutable_update_ref() = polled.update_ref();
      got.set_stage(polled.stage());
      *got.mutable_outcome() = polled.outcome();
    } else {
      return false;
    }
    judge_.saw_update(got.update_ref(), got.stage(), got.outcome().has_success());
    return true;
  }

  void witness_read(const std::string& method, const std::string& request,
                    const std::string& answer) {
    if (method == "GetWorkflowExecutionHistory") {
      auto asked = parse<service::GetWorkflowExecutionHistoryRequest>(request);
      auto got = parse<service::GetWorkflowExecutionHistoryResponse>(answer);
      judge_.saw_page(got.history(), asked.next_page_token(), got.next_page_token());
    } else if (method == "GetWorkflowExecutionHistoryReverse") {
      auto got = parse<service::GetWorkflowExecutionHistoryReverseResponse>(answer);
      judge_.saw_page(got.history(), {}, got.next_page_token());
    } else if (method == "DescribeWorkflowExecution") {
      auto got = parse<service::DescribeWorkflowExecutionResponse>(answer);
      judge_.saw_description(got);
    } else if (method == "ListWorkflowExecutions") {
      auto got = parse<service::ListWorkflowExecutionsResponse>(answer);
      for (const auto& info : got.executions())
        judge_.saw_status(info.execution().run_id(), info.status());
    }
  }

  void witness_failure(const std::string& method, const error& why) {
    // Who reads what was lost is told so.
    if (why.code == errc::data_loss && !judge_.in_doubt())
      all_.fail(method + " lost data: " + why.message);
    if (why.code == errc::internal && servers_.now.throws == 0 && all_.happened["throws"] == 0)
      all_.fail(method + " failed within the server: " + why.message);
  }

  // -- checks ------------------------------------------------------------------------------------

  /// What a run's execution says is what its journal says.
  void check_live() {
    // What is in memory may be ahead of what is left.
    if (judge_.in_doubt())
      return;
    auto was = std::exchange(servers_.now, weather{.overlaps = 0});
    servers_.run_all();
    for (const auto& [run_id, r] : judge_.runs()) {
      if (!r.erased && ok())
        check_loaded(run_id, r);
      if (!r.erased && ok() && servers_.serving())
        check_run(run_id, r);
    }
    servers_.now = was;
  }

  /// What a rehydration reads now, from a snapshot or not, is the fold of all its rows.
  void check_loaded(const std::string& run_id, const run_record& r) {
    auto loaded = actors::load_run(
      servers_.durable().below(), *engine::machine_of(machine_kind::workflow),
      {.namespace_id = namespace_id, .workflow_id = r.head.workflow_id, .run_id = run_id});
    if (loaded.what != actors::loaded_run::outcome::found
        || !same(loaded.state.as<engine::execution>(), r.state))
      all_.fail("run " + run_id + " is loaded otherwise than it was written: " + loaded.text);
  }

  void check_run(const std::string& run_id, const run_record& r) {
    service::DescribeWorkflowExecutionRequest ask;
    ask.set_namespace_("default");
    ask.mutable_execution()->set_workflow_id(r.head.workflow_id);
    ask.mutable_execution()->set_run_id(run_id);
    auto before = engine::describe(r.state, make_context());
    auto rows_before = r.head.last_seq;
    auto bytes = servers_.ask("DescribeWorkflowExecution", ask);
    // The slot may wait for time to pass: a raise of its epoch, a lost lease.
    if (!bytes)
      return void(++all_.happened["checks that found no answer"]);
    ++all_.happened["checks of live state"];
    auto said = parse<service::DescribeWorkflowExecutionResponse>(*bytes);
    // An execution that comes back to memory may have a deadline to miss, and write.
    auto after = engine::describe(r.state, make_context());
    // A speculative task is shown, and written nowhere.
    if (!after.has_pending_workflow_task())
      said.clear_pending_workflow_task();
    auto overtaken = r.head.last_seq > rows_before + 1;
    if (!overtaken && !same(said, before) && !same(said, after))
      all_.fail("run " + run_id + " is described otherwise than its journal says: "
                + said.ShortDebugString() + " / " + after.ShortDebugString());
  }

  engine::context make_context() {
    facts_.id = namespace_id;
    facts_.name = "default";
    auto* p = servers_.serving_process();
    if (p != nullptr)
      if (auto ns = p->server().node().namespaces().find("default"))
        facts_ = ns->facts;
    return {.now = all_.server_time().now(), .ids = ids_, .ns = facts_, .bounds = bounds_};
  }

  /// From now on everything works.
  void heal() {
    all_.say("healing");
    parts_.chaos = false;
    servers_.plan.is_fair = true;
    servers_.now = weather{.overlaps = 100};
    note_weather();
    servers_.forget_commits(0);
    servers_.durable().land_late();
    unpark_messages();
    if (options_.forgetful)
      find_losses();
    late_.begin();
    calm_inboxes_since_ = all_.server_time().now() + 60s;
  }

  /// An execution may have thrown three times at one message. Whoever begins anew knows nothing of
  /// that.
  void unpark_messages() {
    auto* p = servers_.serving_process();
    if (p == nullptr)
      return;
    auto parked = p->server().node().shared().parked.of(namespace_id, machine_kind::workflow);
    for (const auto& one : parked)
      if (!one.message_id.empty()) {
        ++all_.happened["parked messages"];
        return servers_.kill_one();
      }
  }

  /// The first write behind a loss finds it. What nobody writes to any more is found by none: then
  /// the processes are begun anew, as an operator does who restored a database.
  void find_losses() {
    auto helper = std::make_shared<client>(parts_, "finder", 1);
    for (const auto& id : workflow_ids())
      helper->signal(id);
    live_until(all_.now() + 20s);
    if (judge_.holds_lost_state())
      servers_.kill_one();
    else
      ++all_.happened["losses found by a write"];
    for (auto end = all_.now() + 60s; judge_.in_doubt() && all_.now() < end && ok();)
      live_until(all_.now() + 1s);
  }

  /// Time passes while nothing is ready only, so whatever stands waits for what does not come.
  void live_promptly_until(time_point end) {
    prompt_ = true;
    while (all_.now() < end && ok()) {
      live_until(std::min(end, all_.now() + lateness::looks_every));
      late_.check();
    }
    prompt_ = false;
  }

  /// Again and again, until a judge says so.
  void plant() {
    // The others are planted from the beginning.
    if (options_.plant == loss::none || options_.plant >= loss::answer)
      return;
    servers_.plan.armed = late_.calm();
    servers_.plan.planted = servers_.plan.planted || servers_.plan.armed;
    all_.after(5s, [this] { plant(); });
  }

  /// Every workflow that can finish does when it is told to go on.
  void finish() {
    auto helper = std::make_shared<client>(parts_, "helper", 1);
    auto end = all_.now() + 3h;
    while (ok() && all_.now() < end && judge_.open_runs() > 0) {
      for (const auto& [run_id, r] : judge_.runs())
        if (!r.erased && engine::is_open(r.state))
          helper->signal(r.head.workflow_id);
      live_promptly_until(all_.now() + 30s);
    }
    for (const auto& [run_id, r] : judge_.runs())
      if (ok() && !r.erased && engine::is_open(r.state))
        all_.fail("workflow " + r.head.workflow_id + " run " + run_id
                  + " never finished: " + r.state.ShortDebugString());
    if (ok())
      live_promptly_until(all_.now() + 70s);
    if (auto open = judge_.open_batches(); ok() && !open.empty())
      all_.fail("batch " + open.front() + " never ended");
    judge_.check_promises();
    judge_.check_messages();
    if (ok())
      check_inboxes();
  }

  /// Everybody said that the answers are here, but for what was to be said when a server died.
  void check_inboxes() {
    for (std::size_t range = 0; range < store::range_count && ok(); ++range) {
      auto rows = servers_.durable().below().unforgotten(static_cast<store::range_id>(range),
                                                         time_point::max(), {}, 100);
      if (!rows)
        return all_.fail("an inbox cannot be read");
      for (const auto& row : *rows)
        if (row.taken_at >= calm_inboxes_since_)
          all_.fail("the message " + row.message_id + " is remembered, though it was answered");
    }
  }

  void check_rest() {
    check_live();
    for (const auto& [run_id, r] : judge_.runs())
      if (!r.erased && ok())
        check_stored(run_id, r);
    // Where the clock was set forward, a look may find that a retention is over.
    std::size_t kept = 0;
    for (const auto& [run_id, r] : judge_.runs())
      kept += r.erased ? 0 : 1;
    service::CountWorkflowExecutionsRequest ask;
    ask.set_namespace_("default");
    auto counted = servers_.ask("CountWorkflowExecutions", ask);
    if (!counted)
      return all_.fail("nothing can be counted: " + counted.error().message);
    auto n = parse<service::CountWorkflowExecutionsResponse>(*counted).count();
    if (n != static_cast<std::int64_t>(kept))
      all_.fail(std::to_string(n) + " runs are listed, not " + std::to_string(kept));
  }

  void check_stored(const std::string& run_id, const run_record& r) {
    service::GetWorkflowExecutionHistoryRequest ask;
    ask.set_namespace_("default");
    ask.mutable_execution()->set_workflow_id(r.head.workflow_id);
    ask.mutable_execution()->set_run_id(run_id);
    std::size_t events = 0;
    do {
      auto bytes = servers_.ask("GetWorkflowExecutionHistory", ask);
      if (!bytes && r.erased)
        return;
      if (!bytes)
        return all_.fail("the history of run " + run_id + ": " + bytes.error().message);
      auto page = parse<service::GetWorkflowExecutionHistoryResponse>(*bytes);
      judge_.saw_history(run_id, page.history());
      events += static_cast<std::size_t>(page.history().events_size());
      ask.set_next_page_token(page.next_page_token());
    } while (!ask.next_page_token().empty());
    if (events != r.fingerprints.size())
      all_.fail("run " + run_id + " shows " + std::to_string(events) + " events of "
                + std::to_string(r.fingerprints.size()));
  }

  /// Behind the retention nothing is left.
  void forget() {
    for (auto& w : workers_)
      w->stop();
    live_promptly_until(all_.now() + 70min);
    for (const auto& [run_id, r] : judge_.runs())
      if (ok() && !r.erased)
        all_.fail("run " + run_id + " outlived its retention");
    auto left = servers_.durable().below().count(namespace_id, machine_kind::workflow, {});
    if (ok() && left && *left != 0)
      all_.fail("runs are listed behind their retention");
  }

  world_options options_;
  universe all_;
  ledger judge_;
  setup how_;
  cluster_of_processes servers_;
  lateness late_;
  /// Time passes only while nothing is ready.
  bool prompt_ = false;
  parts parts_;
  std::vector<std::shared_ptr<worker>> workers_;
  std::vector<std::shared_ptr<client>> clients_;
  int worker_names_ = 0;
  std::optional<time_point> calm_since_;
  time_point looked_{};
  /// Messages that were taken since then are forgotten in time.
  time_point calm_inboxes_since_{};
  seeded_ids ids_{1};
  engine::namespace_facts facts_;
  engine::limits bounds_;
};

} // namespace

report live(const world_options& options) {
  return world{options}.run();
}

std::string how_to_replay(std::uint64_t seed) {
  return "replay with: reprise_simulation_tests --seed " + std::to_string(seed) + " --trace";
}

} // namespace reprise::simulation
