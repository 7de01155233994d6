#include "cluster/worker_pool.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/make_counted.hpp>
#include <caf/ref_counted.hpp>
#include <caf/resumable.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <doctest/doctest.h>

#include <condition_variable>
#include <functional>
#include <future>
#include <stdexcept>
#include <thread>
#include <utility>

using namespace reprise;
using namespace std::chrono_literals;

namespace {

struct pool_config : caf::actor_system_config {
  explicit pool_config(std::size_t workers) {
    cluster::worker_pool::use(*this, workers);
  }
};

/// An actor system on a pool of so many threads.
struct pooled {
  explicit pooled(std::size_t workers) : config(workers) {
  }

  cluster::worker_pool& pool() {
    return cluster::worker_pool::of(system);
  }

  pool_config config;
  caf::actor_system system{config};
};

/// Answers each number with the next one.
caf::behavior counting(caf::event_based_actor*) {
  return {[](int n) { return n + 1; }};
}

/// Says on which thread it runs.
caf::behavior telling_thread(caf::event_based_actor*,
                             const std::shared_ptr<std::promise<std::thread::id>>& told) {
  return {[told](int) { told->set_value(std::this_thread::get_id()); }};
}

/// Counts a token down, from actor to actor around a ring.
caf::behavior link_of_ring(caf::event_based_actor* self, const caf::actor& next) {
  return {[self, next](int left, const caf::actor& home) {
    if (left == 0)
      self->send(home, 0);
    else
      self->send(next, left - 1, home);
  }};
}

/// A source of which the test sees who waits in it.
class watched_source final : public cluster::event_source {
public:
  void settle() override {
    if (on_settle)
      std::exchange(on_settle, nullptr)();
  }

  void wait(std::optional<time_point> until) override {
    std::unique_lock lock{mutex_};
    waiter_ = std::this_thread::get_id();
    ++waits_;
    changed_.notify_all();
    auto ready = [this] { return woken_; };
    if (until)
      changed_.wait_until(lock, *until, ready);
    else
      changed_.wait(lock, ready);
    woken_ = false;
    waiter_ = {};
  }

  void handle() override {
  }

  void wake() override {
    std::lock_guard lock{mutex_};
    woken_ = true;
    changed_.notify_all();
  }

  std::thread::id waiter_after(int waits) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return waits_ >= waits && waiter_ != std::thread::id{}; });
    return waiter_;
  }

  bool has_waiter() {
    std::lock_guard lock{mutex_};
    return waiter_ != std::thread::id{};
  }

  /// Done once; set before the source is attached.
  std::function<void()> on_settle{};

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread::id waiter_;
  int waits_ = 0;
  bool woken_ = false;
};

} // namespace

TEST_CASE("actors on a worker pool answer a thread that is none of its workers") {
  for (std::size_t workers : {1, 3}) {
    pooled p{workers};
    caf::scoped_actor self{p.system};
    std::vector<caf::actor> all;
    for (int i = 0; i < 50; ++i)
      all.push_back(p.system.spawn(counting));
    for (int round = 0; round < 20; ++round)
      for (const auto& a : all)
        self->send(a, round);
    int sum = 0;
    for (int i = 0; i < 20 * 50; ++i)
      self->receive([&](int n) { sum += n; });
    CHECK(sum == 50 * (20 * 21 / 2));
    for (const auto& a : all)
      self->send_exit(a, caf::exit_reason::user_shutdown);
  }
}

TEST_CASE("a token goes around a ring of actors, whoever runs them") {
  for (std::size_t workers : {1, 4}) {
    pooled p{workers};
    caf::scoped_actor self{p.system};
    auto last = p.system.spawn(link_of_ring, caf::actor_cast<caf::actor>(self));
    auto first = last;
    std::vector<caf::actor> all{last};
    for (int i = 0; i < 20; ++i)
      all.push_back(first = p.system.spawn(link_of_ring, first));
    constexpr int tokens = 200;
    for (int i = 0; i < tokens; ++i)
      self->send(first, 15, caf::actor_cast<caf::actor>(self));
    for (int i = 0; i < tokens; ++i)
      self->receive([](int left) { CHECK(left == 0); });
    for (const auto& a : all)
      self->send_exit(a, caf::exit_reason::user_shutdown);
  }
}

TEST_CASE("messages for later come in the order of their times, and not early") {
  pooled p{1};
  caf::scoped_actor self{p.system};
  auto begun = std::chrono::steady_clock::now();
  self->delayed_send(self, 60ms, 3);
  self->delayed_send(self, 20ms, 1);
  self->delayed_send(self, 40ms, 2);
  for (int i = 1; i <= 3; ++i)
    self->receive([&](int n) {
      CHECK(n == i);
      CHECK(std::chrono::steady_clock::now() - begun >= 20ms * i);
    });
}

TEST_CASE("a worker that sleeps until a far time is told of a nearer one") {
  pooled p{2};
  caf::scoped_actor self{p.system};
  self->delayed_send(self, 10h, 2);
  self->delayed_send(self, 1ms, 1);
  self->receive([](int n) { CHECK(n == 1); });
}

TEST_CASE("a worker waits in the source that it was given, and runs there what is made ready") {
  pooled p{1};
  watched_source source;
  p.pool().attach(0, &source);
  auto worker = source.waiter_after(1);
  auto told = std::make_shared<std::promise<std::thread::id>>();
  caf::anon_send(p.system.spawn(telling_thread, told), 1);
  CHECK(told->get_future().get() == worker);
  CHECK(source.waiter_after(2) == worker);
  p.pool().attach(0, nullptr);
  CHECK_FALSE(source.has_waiter());
  told = std::make_shared<std::promise<std::thread::id>>();
  caf::anon_send(p.system.spawn(telling_thread, told), 1);
  CHECK(told->get_future().get() == worker);
}

TEST_CASE("what a source makes ready before it sleeps is run, though nothing else comes") {
  pooled p{1};
  auto told = std::make_shared<std::promise<std::thread::id>>();
  auto hears = told->get_future();
  auto listener = p.system.spawn(telling_thread, told);
  watched_source source;
  // As a connection that breaks on being written to: its calls are taken back from the actors.
  source.on_settle = [&] { caf::anon_send(listener, 1); };
  p.pool().attach(0, &source);
  CHECK(hears.wait_for(10s) == std::future_status::ready);
  p.pool().attach(0, nullptr);
}

TEST_CASE("a sleeping worker takes over what a busy one cannot run") {
  pooled p{2};
  auto blocked = std::make_shared<std::atomic<int>>(0);
  // One more actor than a worker could run one after the other: each waits for all to be there.
  auto wait_for_other = [blocked](caf::event_based_actor*) -> caf::behavior {
    return {[blocked](int) {
      ++*blocked;
      while (blocked->load() < 2)
        std::this_thread::yield();
    }};
  };
  caf::anon_send(p.system.spawn(wait_for_other), 1);
  caf::anon_send(p.system.spawn(wait_for_other), 1);
  while (blocked->load() < 2)
    std::this_thread::yield();
  CHECK(blocked->load() == 2);
}

namespace {

/// Ready once, and throws at whoever runs it.
struct throwing_job final : caf::resumable, caf::ref_counted {
  std::promise<void> run{};

  subtype_t subtype() const override {
    return unspecified;
  }

  resume_result resume(caf::execution_unit*, std::size_t) override {
    run.set_value();
    throw std::runtime_error("told to");
  }

  void intrusive_ptr_add_ref_impl() override {
    ref();
  }

  void intrusive_ptr_release_impl() override {
    deref();
  }
};

} // namespace

TEST_CASE("what is thrown in a worker ends neither it nor the process") {
  pooled p{1};
  caf::scoped_actor self{p.system};
  auto still_works = [&] {
    auto a = p.system.spawn(counting);
    self->send(a, 1);
    self->receive([](int n) { CHECK(n == 2); });
    self->send_exit(a, caf::exit_reason::user_shutdown);
  };
  SUBCASE("by what it runs") {
    auto job = caf::make_counted<throwing_job>();
    auto ran = job->run.get_future();
    job->ref();
    p.pool().enqueue(job.get());
    CHECK(ran.wait_for(30s) == std::future_status::ready);
    still_works();
    CHECK(job->unique());
  }
  SUBCASE("by the source that it waits in") {
    watched_source source;
    source.on_settle = [] { throw std::runtime_error("told to"); };
    p.pool().attach(0, &source);
    still_works();
    p.pool().attach(0, nullptr);
  }
  SUBCASE("by an actor's handler, which ends that actor") {
    auto bad = p.system.spawn([](caf::event_based_actor*) -> caf::behavior {
      return {[](int) { throw std::runtime_error("told to"); }};
    });
    self->monitor(bad);
    self->send(bad, 1);
    self->receive([&](const caf::down_msg& m) { CHECK(m.source == bad); });
    still_works();
  }
}

TEST_CASE("a pool ends with work and times outstanding") {
  auto kept = std::make_shared<int>(0);
  {
    pooled p{2};
    caf::scoped_actor self{p.system};
    for (int i = 0; i < 100; ++i) {
      auto a = p.system.spawn(
        [kept](caf::event_based_actor*) -> caf::behavior { return {[kept](int) {}}; });
      caf::anon_send(a, 1);
      self->delayed_send(a, 10h, 1);
      self->send_exit(a, caf::exit_reason::user_shutdown);
    }
  }
  CHECK(kept.use_count() == 1);
}

// -- one thing that takes long -------------------------------------------------------------------

namespace {

/// Says that it runs, and goes on when it is told to.
struct long_job {
  std::promise<void> begun{};
  std::promise<void> may_end{};

  caf::actor spawn_in(caf::actor_system& system) {
    return system.spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](int) {
        begun.set_value();
        may_end.get_future().wait();
      }};
    });
  }

  void start_in(caf::actor_system& system) {
    caf::anon_send(spawn_in(system), 1);
    begun.get_future().wait();
  }
};

/// A source in which a job of a test is done: on socket work, so to speak.
class working_source final : public cluster::event_source {
public:
  void settle() override {
  }

  void wait(std::optional<time_point> until) override {
    std::unique_lock lock{mutex_};
    auto ready = [this] { return woken_ || work_; };
    if (until)
      changed_.wait_until(lock, *until, ready);
    else
      changed_.wait(lock, ready);
    woken_ = false;
  }

  void handle() override {
    std::unique_lock lock{mutex_};
    auto work = std::exchange(work_, nullptr);
    lock.unlock();
    if (work)
      work();
  }

  void wake() override {
    std::lock_guard lock{mutex_};
    woken_ = true;
    changed_.notify_all();
  }

  /// Has the thread that waits here do it, or the next one.
  void comes(std::function<void()> work) {
    std::lock_guard lock{mutex_};
    work_ = std::move(work);
    changed_.notify_all();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> work_;
  bool woken_ = false;
};

/// Counts what wakes up by its time.
class napping_source final : public cluster::event_source {
public:
  explicit napping_source(std::atomic<int>& timeouts) : timeouts_(timeouts) {
  }

  void settle() override {
  }

  void wait(std::optional<time_point> until) override {
    std::unique_lock lock{mutex_};
    auto ready = [this] { return woken_; };
    if (!until)
      changed_.wait(lock, ready);
    else if (*until > time_point{} && !changed_.wait_until(lock, *until, ready))
      ++timeouts_;
    woken_ = false;
  }

  void handle() override {
  }

  void wake() override {
    std::lock_guard lock{mutex_};
    woken_ = true;
    changed_.notify_all();
  }

private:
  std::atomic<int>& timeouts_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
};

} // namespace

TEST_CASE("of many idle workers one wakes up for what is due") {
  constexpr std::size_t workers = 8;
  constexpr int messages = 20;
  std::atomic<int> timeouts{0};
  std::vector<std::unique_ptr<napping_source>> sources;
  pooled p{workers};
  for (std::size_t i = 0; i < workers; ++i)
    p.pool().attach(i, sources.emplace_back(std::make_unique<napping_source>(timeouts)).get());
  caf::scoped_actor self{p.system};
  for (int i = 0; i < messages; ++i) {
    self->delayed_send(self, 2ms, i);
    self->receive([&](int n) { CHECK(n == i); });
  }
  for (std::size_t i = 0; i < workers; ++i)
    p.pool().attach(i, nullptr);
  CHECK(timeouts <= 2 * messages);
}

TEST_CASE("one long job holds up neither what is due nor what comes to its worker's source") {
  for (std::size_t workers : {1, 2}) {
    pooled p{workers};
    std::vector<std::unique_ptr<working_source>> sources;
    for (std::size_t i = 0; i < workers; ++i)
      p.pool().attach(i, sources.emplace_back(std::make_unique<working_source>()).get());
    long_job job;
    job.start_in(p.system);
    caf::scoped_actor self{p.system};
    auto counts = p.system.spawn(counting);
    self->delayed_send(counts, 1ms, 1);
    self->receive([](int n) { CHECK(n == 2); });
    self->send(counts, 2);
    self->receive([](int n) { CHECK(n == 3); });
    for (auto& s : sources) {
      std::promise<void> done;
      s->comes([&] { done.set_value(); });
      done.get_future().wait();
    }
    job.may_end.set_value();
    for (std::size_t i = 0; i < workers; ++i)
      p.pool().attach(i, nullptr);
    self->send_exit(counts, caf::exit_reason::user_shutdown);
  }
}

TEST_CASE("jobs that wait behind a long one are run by others") {
  pooled p{1};
  caf::scoped_actor self{p.system};
  long_job job;
  auto counts = p.system.spawn(counting);
  auto held = job.spawn_in(p.system);
  // Both become ready on the same worker: the second stands behind the first.
  auto both = p.system.spawn([held, counts](caf::event_based_actor* me) -> caf::behavior {
    return {[me, held, counts](int n, const caf::actor& home) {
              me->send(held, n);
              me->send(counts, n);
              me->send(home, n);
            },
            [](int) {}};
  });
  self->send(both, 7, caf::actor_cast<caf::actor>(self));
  self->receive([](int n) { CHECK(n == 7); });
  job.begun.get_future().wait();
  self->send(counts, 8);
  self->receive([](int n) { CHECK(n == 9); });
  job.may_end.set_value();
  for (const auto& a : {both, counts, held})
    self->send_exit(a, caf::exit_reason::user_shutdown);
}

TEST_CASE("two long jobs at the same time hold up nothing else, on one worker") {
  pooled p{1};
  caf::scoped_actor self{p.system};
  long_job first;
  long_job second;
  first.start_in(p.system);
  second.start_in(p.system);
  auto counts = p.system.spawn(counting);
  self->delayed_send(counts, 1ms, 1);
  self->receive([](int n) { CHECK(n == 2); });
  second.may_end.set_value();
  self->send(counts, 2);
  self->receive([](int n) { CHECK(n == 3); });
  first.may_end.set_value();
  self->send_exit(counts, caf::exit_reason::user_shutdown);
}

TEST_CASE("a worker that is back has its source again while its stand-in is at a long job") {
  pooled p{1};
  working_source source;
  p.pool().attach(0, &source);
  long_job first;
  long_job second;
  first.start_in(p.system);
  second.start_in(p.system);
  // From now on the second stand-in finds its sockets never quiet.
  std::function<void()> more = [&] { source.comes(more); };
  source.comes(more);
  auto counts = p.system.spawn(counting);
  caf::scoped_actor self{p.system};
  self->send(counts, 1);
  self->receive([](int n) { CHECK(n == 2); });
  first.may_end.set_value();
  // Returns when the worker itself has been there.
  p.pool().attach(0, nullptr);
  second.may_end.set_value();
  self->send_exit(counts, caf::exit_reason::user_shutdown);
}

TEST_CASE("no job stands behind socket work while another worker sleeps") {
  pooled p{2};
  working_source source;
  p.pool().attach(0, &source);
  for (int jobs : {1, 10}) {
    auto run = std::make_shared<std::atomic<int>>(0);
    auto all_run = std::make_shared<std::promise<void>>();
    std::promise<void> done;
    source.comes([&] {
      for (int i = 0; i < jobs; ++i)
        caf::anon_send(p.system.spawn([=](caf::event_based_actor*) -> caf::behavior {
          return {[=](int) {
            if (++*run == jobs)
              all_run->set_value();
          }};
        }),
                       1);
      // Goes on only when others have done what was made ready here.
      all_run->get_future().wait();
      done.set_value();
    });
    done.get_future().wait();
    CHECK(*run == jobs);
  }
  p.pool().attach(0, nullptr);
}

TEST_CASE("a worker that comes back from a long job has its source again") {
  pooled p{1};
  working_source source;
  p.pool().attach(0, &source);
  for (int i = 0; i < 20; ++i) {
    long_job job;
    job.start_in(p.system);
    std::promise<void> meanwhile;
    source.comes([&] { meanwhile.set_value(); });
    meanwhile.get_future().wait();
    job.may_end.set_value();
    std::promise<void> after;
    source.comes([&] { after.set_value(); });
    after.get_future().wait();
  }
  p.pool().attach(0, nullptr);
}
