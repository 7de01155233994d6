#pragma once

#include "base/result.hpp"
#include "frontend/call/call.hpp"
#include "tests/simulation/model/process.hpp"

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace reprise::simulation {

/// What fate does to store calls and decisions for a while; in a thousand.
struct weather {
  int refused = 0;
  int answer_lost = 0;
  int late = 0;
  int failed_reads = 0;
  /// Executions that throw on a call.
  int throws = 0;
  /// Allocations that fail where that is survived.
  int allocations = 0;
  /// The process dies within a store call.
  int kills = 0;
  /// Other jobs run during a store call.
  int overlaps = 300;
  /// Answers that never reach their client.
  int lost_answers = 0;

  friend bool operator==(const weather&, const weather&) = default;
};

/// How the world was set up; decided by the seed.
struct setup {
  /// Two processes share the store by lease; else there is one at a time.
  bool leased = false;
  order how = order::any;
  std::size_t memory_budget_bytes = 96U << 20;
  actors::node_bounds capacity{};
};

/// A worker that waits for a task.
struct waiting_worker {
  /// 1: of workflow tasks, 2: of activity tasks.
  int kind = 1;
  std::string queue{};
  time_point since{};
};

/// The server's processes on their disk, and the calls that clients have under way. Runs one job or
/// lets time pass when told to.
class cluster_of_processes {
public:
  using response = std::function<void(result<std::string>)>;
  /// Sees each answer at the moment when it leaves the server.
  using witness = std::function<void(const std::string& method, const std::string& request,
                                     const result<std::string>& answer)>;

  cluster_of_processes(universe& all, ledger& judge, const setup& how);
  ~cluster_of_processes();

  // -- processes ---------------------------------------------------------------------------------
  void start_process();
  void kill_one();
  void freeze_one(duration how_long);
  /// Nothing that it asks of the store comes through.
  void cut_off_one(duration how_long);
  /// Nobody answers from memory while another one does, frozen or not.
  void check_owners() const;
  void drain_one();
  /// A queue, slot, timer, bridge, reader, or, seldom, what its process cannot live without.
  void kill_some_actor();

  /// Of the commits that come next so many are answered, and lost.
  void forget_commits(int count) {
    forgets_ = count;
  }

  std::size_t alive() const noexcept {
    return processes_.size();
  }

  bool serving() const;

  // -- running -----------------------------------------------------------------------------------
  bool has_jobs() const;
  void run_job();
  /// Runs jobs until there are none; no time passes.
  void run_all();
  void pass_time(time_point to);
  std::optional<time_point> next_timeout();
  void settle_lost();

  // -- calls -------------------------------------------------------------------------------------
  /// Sends a call as a client does; `done` is called later, exactly once. Returns a number for
  /// abandon().
  std::uint64_t call(const std::string& method, const google::protobuf::Message& request,
                     duration deadline, response done);
  /// The caller hangs up; `done` is not called. False: the answer is on its way to it already.
  bool abandon(std::uint64_t number);
  /// Asks the serving process and runs until it has answered; no time passes. For checks.
  result<std::string> ask(const std::string& method, const google::protobuf::Message& request);

  /// Polls that the serving process has.
  std::vector<waiting_worker> waiting_polls();

  std::size_t calls_under_way() const noexcept {
    return calls_.size();
  }

  witness see{};
  weather now{};
  loss_plan plan{};

  disk& durable() noexcept {
    return disk_;
  }

  process* serving_process();

  /// Until then answers may be late because of what went wrong.
  time_point troubled_until() const noexcept {
    return troubled_until_;
  }

private:
  struct client_call {
    std::string method{};
    std::string request{};
    process* server = nullptr;
    frontend::call::ptr handle{};
    response done{};
    time_point since{};
    int extended = 0;
  };

  verdict decide_fate(operation what, int number);
  void kill_some_slot(process& p);
  process* by_number(int number);
  process* any_process(bool serving_first);
  void on_answer(std::uint64_t number, result<std::string> answer);
  void on_deadline(std::uint64_t number);
  void give(client_call c, result<std::string> answer);
  void lose_calls(process& p);
  void destroy(process& p);
  /// Answers may be late until then and a while longer.
  void trouble_until(time_point end);

  universe& all_;
  setup how_;
  disk disk_;
  std::list<std::unique_ptr<process>> processes_;
  std::map<std::uint64_t, client_call> calls_;
  std::uint64_t last_call_ = 0;
  int last_process_ = 0;
  int depth_ = 0;
  int forgets_ = 0;
  time_point troubled_until_{};
};

} // namespace reprise::simulation
