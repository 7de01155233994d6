#include "tests/crash/load/kill_run.hpp"

#include "tests/crash/load/campaign.hpp"

#include <algorithm>
#include <cstdio>
#include <thread>

namespace reprise::crash {

namespace {

using std::chrono::milliseconds;
using steady = std::chrono::steady_clock;

constexpr auto look_again = milliseconds{2};

double ms(duration d) {
  return std::chrono::duration<double, std::milli>{d}.count();
}

class kill_run {
public:
  explicit kill_run(const kill_options& o) : o_(o), server_(o.flags, o.log_file), random_(o.seed) {
  }

  kill_report run() {
    auto begun = steady::now();
    std::printf("%s: %d kills, seed %llu\n", o_.name.c_str(), o_.kills,
                static_cast<unsigned long long>(o_.seed));
    if (!serve())
      return std::move(report_);
    campaign load{to_, {.seed = o_.seed, .in_flight = o_.in_flight}};
    for (int kill = 1; kill <= o_.kills && !is_over(load); ++kill) {
      kill_once(load.book());
      say_progress(kill, load.book());
    }
    if (server_.runs() || serve()) {
      wait_for_more(load);
      finish(load);
    }
    load.end();
    report_.orders = load.book().finished_count();
    report_.acknowledged = load.book().acknowledged();
    for (auto& text : load.book().violations())
      report_.violations.push_back(std::move(text));
    report_.took = steady::now() - begun;
    say_result();
    return std::move(report_);
  }

private:
  /// No use in going on when something is broken already.
  bool is_over(campaign& load) const {
    return !report_.violations.empty() || !load.book().violations().empty();
  }

  bool serve() {
    server_.launch();
    auto port = server_.wait_for_port(o_.patience);
    if (port == 0)
      report_.violations.push_back("the server does not start:\n" + server_.log_tail());
    to_.aim_at(port);
    return port != 0;
  }

  /// One life of a server, and its end: mostly under load, now and then while it starts.
  void kill_once(ledger& book) {
    constexpr std::uint64_t longest_ms = 1800;
    auto in_start = random_.random() % 5 == 0;
    auto wait = milliseconds{random_.random() % longest_ms};
    if (in_start) {
      constexpr int start_share = 20;
      server_.kill();
      server_.launch();
      std::this_thread::sleep_for(wait / start_share);
    } else {
      if (!recover(book))
        return;
      std::this_thread::sleep_for(wait);
    }
    server_.kill();
    restart(book);
  }

  /// Starts the server behind a kill; its port is known when this returns.
  void restart(ledger& book) {
    launched_ = steady::now();
    book.mark();
    serve();
  }

  /// Until something is acknowledged again.
  bool recover(ledger& book) {
    if (launched_ == steady::time_point{})
      return true;
    while (!book.first_acknowledged()) {
      if (steady::now() - launched_ > o_.patience) {
        report_.violations.push_back("nothing was acknowledged behind a restart:\n"
                                     + server_.log_tail());
        return false;
      }
      std::this_thread::sleep_for(look_again);
    }
    report_.recoveries.push_back(*book.first_acknowledged() - launched_);
    return true;
  }

  /// Until orders are done that came behind the first ones: where the machine is slow, all kills
  /// may fall into these.
  void wait_for_more(campaign& load) {
    auto until = steady::now() + std::chrono::minutes{2};
    while (load.book().finished_count() <= o_.in_flight && !is_over(load) && steady::now() < until)
      std::this_thread::sleep_for(look_again);
  }

  void finish(campaign& load) {
    load.finish(std::chrono::seconds{60});
    // What is read now comes from the disk alone.
    server_.kill();
    if (!serve())
      return;
    load.check_again();
    if (server_.end(std::chrono::seconds{20}) != 0)
      report_.violations.push_back("the server did not end well:\n" + server_.log_tail());
  }

  void say_progress(int kill, const ledger& book) const {
    auto step = std::max(1, o_.kills / 10);
    if (kill % step != 0)
      return;
    std::printf("%s: %d of %d kills, %zu orders finished, %zu in flight\n", o_.name.c_str(), kill,
                o_.kills, book.finished_count(), book.unfinished_count());
    std::fflush(stdout);
  }

  void say_result() {
    auto& all = report_.recoveries;
    std::ranges::sort(all);
    if (all.empty())
      all.push_back(duration{0});
    std::printf("%s: %d kills, %zu orders, %llu starts and signals acknowledged, %.1f s; back after"
                " %.0f ms (median), %.0f ms (worst)\n",
                o_.name.c_str(), o_.kills, report_.orders,
                static_cast<unsigned long long>(report_.acknowledged), ms(report_.took) / 1000,
                ms(all[all.size() / 2]), ms(all.back()));
    std::fflush(stdout);
  }

  const kill_options& o_;
  grpc_transport to_;
  server_process server_;
  seeded_ids random_;
  steady::time_point launched_{};
  kill_report report_;
};

} // namespace

kill_report kill_again_and_again(const kill_options& options) {
  return kill_run{options}.run();
}

} // namespace reprise::crash
