#include "cli/server.hpp"

#include "base/ids.hpp"
#include "cli/config_file.hpp"
#include "cli/health.hpp"
#include "cli/local_server.hpp"
#include "cli/node_link.hpp"
#include "cli/output.hpp"
#include "cli/password.hpp"
#include "cli/settings.hpp"
#include "cluster/http_port.hpp"
#include "cluster/worker_pool.hpp"
#include "frontend/transport/grpc_server.hpp"
#include "frontend/transport/socket.hpp"
#include "store/open.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace reprise::cli {

namespace {

constexpr auto started_within = std::chrono::seconds{10};

/// What a person who starts a server had better know; a log for machines has it as a line of its
/// own.
void note(const std::string& text) {
  if (log_format_now() == log_format::json)
    log(log_level::warn, text);
  else
    std::fprintf(stderr, "note: %s\n", text.c_str());
}

/// "[::1]" is how an address stands before a port; we want it alone.
std::string host_of(const server_options& o) {
  const auto& ip = o.ip;
  return ip.size() > 2 && ip.front() == '[' && ip.back() == ']' ? ip.substr(1, ip.size() - 2) : ip;
}

sigset_t end_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

/// Returns early at another signal: who sends two is in a hurry.
void wait_for_end_signal(duration most) {
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(most);
  const timespec limit{.tv_sec = seconds.count(), .tv_nsec = (most - seconds).count()};
  auto set = end_signals();
  // Nothing is waited for, not even a signal that is there, when there is no time.
  if (most > duration{0})
    sigtimedwait(&set, nullptr, &limit);
}

result<std::unique_ptr<store::store>> open_store(const server_options& o,
                                                 const store::scan_bounds& scans, metrics& m) {
  if (is_in_memory(o))
    return store::open_memory();
  if (o.mysql.empty())
    return store::open_sqlite({.path = o.db_filename, .scans = scans});
  auto& lost = m.counter("reprise_store_lost_groups_total",
                         "Groups of transitions that were committed and are not in the database.");
  store::mysql_options how{.scans = scans,
                           .on_lost_commits = [&lost](std::uint64_t n) { lost.add(n); }};
  if (!o.mysql_password_file.empty()) {
    auto password = read_password(o.mysql_password_file);
    if (!password)
      return std::move(password).error();
    how.password = std::move(*password);
  }
  return store::open_mysql(o.mysql, how);
}

std::string store_text(const server_options& o) {
  if (is_in_memory(o))
    return "in memory: all is lost when the server ends; keep it with --db-filename FILE";
  return o.mysql.empty() ? o.db_filename + " (SQLite)" : "MySQL";
}

result<void> prepare_store(store::store& db, const clock& time, const server_options& o) {
  first_namespace first{.name = "default"};
  for (const auto& text : o.search_attributes) {
    auto parsed = parse_search_attribute(text);
    if (!parsed)
      return parsed.error();
    first.search_attributes.push_back(std::move(*parsed));
  }
  if (auto ok = ensure_system_namespace(db); !ok)
    return ok;
  if (auto ok = ensure_namespace(db, time, first); !ok)
    return ok;
  for (const auto& name : o.namespaces) {
    first.name = name;
    if (auto ok = ensure_namespace(db, time, first); !ok)
      return ok;
  }
  return {};
}

std::string name_of(const server_options& options) {
  if (!options.node_name.empty())
    return options.node_name;
  constexpr std::size_t longest = 256;
  std::array<char, longest> host{};
  ::gethostname(host.data(), host.size() - 1);
  return host.data();
}

/// Zero where no other process can open the store.
duration lease_length(const server_options& o) {
  if (o.mysql.empty())
    return duration{0};
  return std::chrono::duration_cast<duration>(std::chrono::duration<double>{o.lease_seconds});
}

struct actor_config : caf::actor_system_config {
  explicit actor_config(bool has_link) {
    cluster::prepare(*this);
    if (has_link)
      link::prepare(*this);
    cluster::worker_pool::use(*this, worker_count());
  }

  /// A core is left to the store's writer.
  static std::size_t worker_count() {
    constexpr unsigned workers_max = 16;
    return std::clamp(std::thread::hardware_concurrency(), 2U, workers_max + 1) - 1;
  }
};

/// What others see of a server however it fares: there before its store is open, and until its end.
class side_door {
public:
  /// `host`: as a person writes it, with its addresses.
  result<void> open(const std::string& host, std::vector<std::string> addresses, int port) {
    host_ = host;
    auto made = cluster::http_port::start(measured, state, fitting(std::move(addresses)), port);
    if (!made)
      return made.error();
    port_ = std::move(*made);
    return {};
  }

  std::string where() const {
    return frontend::address_text(host_, port_->port());
  }

  metrics measured{};
  cluster::probes state{};

private:
  /// Those that this port can have: of IPv4. Else the machine's own, or all of them.
  std::vector<std::string> fitting(std::vector<std::string> addresses) {
    auto is_any = std::ranges::find(addresses, "::") != addresses.end();
    std::erase_if(addresses, [](const std::string& a) { return a.find(':') != std::string::npos; });
    if (!addresses.empty())
      return addresses;
    host_ = is_any ? "0.0.0.0" : "127.0.0.1";
    return {host_};
  }

  std::string host_;
  /// Shows what is above it.
  std::unique_ptr<cluster::http_port> port_;
};

/// Beyond this machine whoever reaches the port may do everything, unless there are certificates.
/// A node is refused: nobody reads its notes. A development server is noted, as scripts for the
/// reference's server give it `--ip 0.0.0.0` in containers, and are to go on doing so.
result<void> check_doors(const server_options& o, const std::vector<std::string>& addresses) {
  if (!o.tls.empty() || o.insecure || std::ranges::all_of(addresses, frontend::is_loopback))
    return {};
  auto text = "with --ip " + o.ip
              + " other machines reach the API without certificates: give --tls-cert-path and "
                "--tls-key-path, listen on 127.0.0.1, or say --insecure";
  if (o.what == server_options::kind::node)
    return make_error(errc::invalid_argument, text);
  note(text);
  return {};
}

/// What is known before anything is opened.
struct server_plan {
  configured_limits bounds{};
  std::shared_ptr<tls::certificates> certificates{};
  std::vector<std::string> addresses{};
  /// Nothing: the node is alone.
  std::optional<link_plan> link{};
};

/// What a running server is made of, in the order in which it comes up.
class running_server {
public:
  running_server(const server_options& options, const server_plan& plan, const clock& time,
                 std::unique_ptr<store::store> db, std::string cluster_id, side_door& seen)
    : options_(options),
      bounds_(plan.bounds),
      host_(host_of(options)),
      certificates_(plan.certificates),
      link_plan_(plan.link),
      db_(std::move(db)),
      seen_(seen),
      health_(*db_),
      config_(plan.link.has_value()) {
    local_server_options local;
    local.node.seed = random_seed();
    local.node.bounds = bounds_.engine;
    local.node.capacity = bounds_.capacity;
    local.node.group = bounds_.group;
    local.front = bounds_.front;
    local.node.memory_budget_bytes = options.memory_mib << 20;
    local.node.self.name = name_of(options);
    local.node.self.program_version = REPRISE_VERSION;
    local.node.lease_length = lease_length(options);
    local.node.on_serving = [this](bool serving) { on_serving(serving); };
    // Wakes who waits for the end; it sees why.
    local.node.on_failed = [this](const std::string& why) {
      seen_.state.no(probe::alive, "this server cannot go on: " + why);
      ::kill(::getpid(), SIGTERM);
    };
    if (link_plan_) {
      link_plan_->options.mine.cluster_id = cluster_id;
      local.node.self.life = link_plan_->options.mine.life;
      local.node.route.emplace();
    }
    local.facts.cluster_id = std::move(cluster_id);
    local.facts.store_kind = db_->kind();
    server_.emplace(system_, *db_, time, seen_.measured, std::move(local));
  }

  result<void> start() {
    if (link_plan_) {
      auto begun = node_link::begin(system_, std::move(*link_plan_), *server_->node().route(),
                                    seen_.measured);
      if (!begun)
        return begun.error();
      link_ = std::move(*begun);
      server_->node().set_link_address(link_->address());
    }
    server_->start();
    server_->front().on_failure([this](const error& why) { health_.on_failure(why); });
    // A server that waits for another one's lease listens all the same, and says NOT_SERVING.
    wait_until_serving();
    auto grpc = frontend::grpc_server::start(server_->front(), cluster::worker_pool::of(system_),
                                             {.ip = host_,
                                              .port = options_.port,
                                              .times = bounds_.connections,
                                              .certificates = certificates_});
    if (!grpc)
      return grpc.error();
    grpc_ = std::move(*grpc);
    health_.tell([this](const health::why_not& why) { tell(why); });
    return {};
  }

  void print_where() const {
    std::printf("Reprise %s\n  gRPC     %s%s\n  metrics  http://%s/metrics\n  store    %s\n",
                REPRISE_VERSION, frontend::address_text(host_, grpc_->port()).c_str(), tls_text(),
                seen_.where().c_str(), store_text(options_).c_str());
    std::fflush(stdout);
  }

  bool failed() {
    return server_->node().failed();
  }

  /// First of all: who leads clients here is to stop. Calls are served as before.
  void say_that_it_ends() {
    health_.tell(nullptr);
    if (grpc_)
      tell("the server ends");
  }

  void end() {
    say_that_it_ends();
    // What waits for an actor that is no more waits in vain.
    auto patience = failed() ? duration{0} : bounds_.end.last_calls;
    if (grpc_)
      grpc_->stop(std::chrono::ceil<std::chrono::milliseconds>(patience));
    server_->drain();
    // While it drained, calls were passed on, and others' were answered.
    link_.reset();
    server_->stop();
  }

private:
  using probe = cluster::probes::kind;

  const char* tls_text() const {
    if (!certificates_)
      return "";
    return options_.tls.client_authorities.empty() ? " (TLS)" : " (TLS, clients with certificates)";
  }

  /// Both that ask hear the same.
  void tell(const health::why_not& why) {
    if (why)
      seen_.state.no(probe::ready, *why);
    else
      seen_.state.yes(probe::ready);
    grpc_->set_serving(!why);
  }

  void on_serving(bool serving) {
    health_.on_serving(serving);
    std::lock_guard lock{mutex_};
    was_serving_ = was_serving_ || serving;
    served_.notify_all();
  }

  void wait_until_serving() {
    auto patience = options_.mysql.empty() ? started_within : std::chrono::seconds{1};
    std::unique_lock lock{mutex_};
    served_.wait_for(lock, patience, [this] { return was_serving_; });
  }

  const server_options& options_;
  const configured_limits& bounds_;
  const std::string host_;
  std::shared_ptr<tls::certificates> certificates_;
  std::optional<link_plan> link_plan_;
  std::unique_ptr<store::store> db_;
  side_door& seen_;
  health health_;
  std::mutex mutex_;
  std::condition_variable served_;
  bool was_serving_ = false;
  actor_config config_;
  caf::actor_system system_{config_};
  std::optional<local_server> server_;
  std::unique_ptr<node_link> link_;
  std::unique_ptr<frontend::grpc_server> grpc_;
};

result<void> set_log(const server_options& options) {
  auto level = parse_log_level(options.log_level);
  if (!level)
    return level.error();
  auto format = parse_log_format(options.log_format);
  if (!format)
    return format.error();
  set_log_level(*level);
  set_log_format(*format);
  set_log_node(name_of(options));
  return {};
}

result<server_plan> make_plan(const server_options& options) {
  server_plan out;
  auto notes = notes_on(options.reference);
  if (!notes)
    return notes.error();
  std::vector<std::string> ignored;
  if (auto ok = apply_dynamic_config(options.dynamic_config, out.bounds, ignored); !ok)
    return ok.error();
  for (const auto& key : ignored)
    notes->push_back("--dynamic-config-value " + key + " has no effect here");
  for (const auto& text : options.search_attributes)
    if (auto ok = parse_search_attribute(text); !ok)
      return ok.error();
  for (const auto& text : *notes)
    note(text);
  if (!options.tls.empty()) {
    auto loaded = tls::certificates::load(options.tls);
    if (!loaded)
      return loaded.error();
    out.certificates = std::move(*loaded);
  }
  // Before anything else tries to have a port there, which would name the port as the reason.
  if (!options.link.address.empty()) {
    auto planned = plan_link(options);
    if (!planned)
      return planned.error();
    out.link = std::move(*planned);
  }
  auto addresses = frontend::addresses_of(host_of(options));
  if (!addresses)
    return addresses.error();
  out.addresses = std::move(*addresses);
  if (auto ok = check_doors(options, out.addresses); !ok)
    return ok.error();
  return out;
}

/// Until a signal, or until the server cannot go on.
int serve(running_server& server, const ending& how) {
  server.print_where();
  auto set = end_signals();
  int signal = 0;
  sigwait(&set, &signal);
  if (server.failed()) {
    server.end();
    return fail("the server ended because it could not go on; its log says why, and what was "
                "answered is in the store");
  }
  server.say_that_it_ends();
  wait_for_end_signal(how.notice);
  std::printf("ending: no new calls are taken, what was decided is written down\n");
  std::fflush(stdout);
  server.end();
  return server.failed() ? exit_failed : exit_ok;
}

int run(const server_options& options, server_plan& plan) {
  side_door seen;
  if (auto ok = seen.open(host_of(options), plan.addresses, options.metrics_port); !ok)
    return fail(ok.error());
  auto db = open_store(options, plan.bounds.scans, seen.measured);
  if (!db)
    return fail(db.error());
  system_clock time;
  if (auto ok = prepare_store(**db, time, options); !ok)
    return fail(ok.error());
  seeded_ids ids{random_seed()};
  auto cluster_id = (*db)->cluster_fact("cluster_id", ids.uuid7(time.now()));
  if (!cluster_id)
    return fail(cluster_id.error());
  seen.state.yes(cluster::probes::kind::started);
  running_server server{options, plan, time, std::move(*db), std::move(*cluster_id), seen};
  if (auto ok = server.start(); !ok) {
    server.end();
    return fail(ok.error());
  }
  return serve(server, plan.bounds.end);
}

} // namespace

void block_end_signals() {
  auto set = end_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

int run_server(CLI::App& command, server_options& options) {
  if (auto ok = complete(command, options); !ok)
    return fail(ok.error());
  if (options.print_config) {
    std::printf("%s", config_text(command).c_str());
    return exit_ok;
  }
  if (auto ok = set_log(options); !ok)
    return fail(ok.error());
  auto plan = make_plan(options);
  return plan ? run(options, *plan) : fail(plan.error());
}

} // namespace reprise::cli
