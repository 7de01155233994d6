#include "cli/node_link.hpp"

#include "base/ids.hpp"
#include "frontend/transport/socket.hpp"

#include <algorithm>
#include <utility>

namespace reprise::cli {

namespace {

bool is_of_this_machine(const std::string& host) {
  auto addresses = frontend::addresses_of(host);
  return addresses && std::ranges::all_of(*addresses, frontend::is_loopback);
}

error refused(std::string text) {
  return make_error(errc::invalid_argument, std::move(text));
}

} // namespace

result<link_plan> plan_link(const server_options& o) {
  link_plan out;
  auto& made = out.options;
  auto address = link::parse_listening(o.link.address);
  if (!address)
    return address.error();
  made.listen = *address;
  made.mine.life = random_seed();
  // Of port 0 it is known when it listens.
  if (address->port != 0)
    made.mine.address = o.link.address;
  // Of nodes on one machine the hosts are one.
  if (!o.node_name.empty())
    made.mine.name = o.node_name;
  else if (o.link.has_tls())
    made.mine.name = address->host;
  else
    made.mine.name = o.link.address
                     + (address->port != 0 ? "" : "/" + std::to_string(made.mine.life));
  if (!o.link.listen.empty()) {
    auto listen = link::parse_listening(o.link.listen);
    if (!listen)
      return listen.error();
    made.listen = std::move(*listen);
  }
  if (!o.link.has_tls()) {
    if (!o.insecure && !is_of_this_machine(made.listen->host))
      return refused("with --link " + o.link.address
                     + " other machines reach this node without certificates: give "
                       "--link-cert-path, --link-key-path and --link-ca-path, or say --insecure");
    return out;
  }
  auto served = tls::certificates::load({.certificate = o.link.certificate,
                                         .key = o.link.key,
                                         .client_authorities = o.link.authorities,
                                         .inside = tls::spoken::link});
  if (!served)
    return served.error();
  auto called = tls::certificates::load_client({.authorities = o.link.authorities,
                                                .certificate = o.link.certificate,
                                                .key = o.link.key,
                                                .inside = tls::spoken::link});
  if (!called)
    return called.error();
  made.served_with = std::move(*served);
  made.called_with = std::move(*called);
  return out;
}

result<std::unique_ptr<node_link>> node_link::begin(caf::actor_system& system, link_plan plan,
                                                    cluster::router& route, metrics& m) {
  std::unique_ptr<node_link> out{new node_link{route}};
  auto host = plan.options.listen->host;
  out->address_ = plan.options.mine.address;
  auto begun = link::broker_carrier::begin(system, std::move(plan.options), route, m);
  if (!begun)
    return begun.error();
  out->carrier_ = std::move(*begun);
  if (out->address_.empty())
    out->address_ = to_string(link::endpoint{.host = host, .port = out->carrier_->port()});
  route.use(out->carrier_.get());
  return out;
}

node_link::~node_link() {
  route_.use(nullptr);
}

} // namespace reprise::cli
