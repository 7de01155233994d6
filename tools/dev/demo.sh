#!/usr/bin/env bash
# The demo: an order on the official TypeScript SDK survives kill -9 of the server.
set -euo pipefail
exec 2>&1 # one stream, so that the lines keep their order
# shellcheck source=tools/dev/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=tools/dev/setup.sh
source "$root/tools/dev/setup.sh"
# shellcheck source=tools/dev/server.sh
source "$root/tools/dev/server.sh"

setup_node
example=examples/typescript/order
setup_npm "$root/$example"
if ! [ -f "$root/$example/lib/worker.js" ] \
  || [ -n "$(find "$root/$example/src" -newer "$root/$example/lib/worker.js")" ]; then
  say "compiling the example ($example)"
  (cd "$root/$example" && npm run --silent build && touch lib/worker.js)
fi

# Where the system's Node is too old, the terminals that people open need ours too.
go_there="cd $example"
case "$(command -v node)" in
  "$cache"/*) go_there="cd $example && export PATH=$(dirname "$(command -v node)"):\$PATH" ;;
esac

port=7233
if port_open "$port"; then
  port=$(free_port)
  say "port 7233 is taken, so the demo uses $port"
fi
metrics=$(free_port)
export TEMPORAL_ADDRESS="127.0.0.1:$port"
work=$(mktemp -d "${TMPDIR:-/tmp}/reprise-demo.XXXXXX")
worker=''
finish() {
  local status=$?
  if [ "$status" != 0 ]; then
    tail -n 20 "$work"/*.log >&2 || true
  fi
  if [ -n "$worker" ]; then stop_process "$worker" 10; fi
  stop_server
  rm -rf "$work"
}
trap finish EXIT

client() { (cd "$root/$example" && node lib/client.js "$@"); }
indented() { sed 's/^/   /'; }
worker_waits() { process_gone "$worker" || grep -q 'waiting for orders' "$work/worker.log"; }
order_is() { [ "$(client status order-1 2>>"$work/client.log")" = "$1" ]; }

say "1. starting the server: gRPC on $TEMPORAL_ADDRESS, metrics on http://127.0.0.1:$metrics/metrics"
start_server "$port" "$metrics" "$work/demo.db" "$work/server.log"

say "2. starting a worker (Node, the official TypeScript SDK) with the order example"
: >"$work/worker.log"
(cd "$root/$example" && exec setpriv --pdeathsig KILL node lib/worker.js) >"$work/worker.log" 2>&1 &
worker=$!
wait_until 30 "the worker" worker_waits
process_gone "$worker" && die "The worker ended."

say "3. starting an order; its card service fails once, then the order waits for an approval"
client start order-1 | indented
wait_until 20 "the charge" order_is 'waiting for approval'
echo "status: waiting for approval" | indented

say "4. kill -9 of the server (process $server), in the middle of the order"
kill -9 "$server"
wait "$server" 2>/dev/null || true
server=''
killed=$(date -u +%T.%3N)
say "5. starting it again on the same file"
start_server "$port" "$metrics" "$work/demo.db" "$work/server.log"

say "6. approving the order; the card is not charged again"
client approve order-1 alice | indented

say "7. the result"
client result order-1 | indented
say "8. the event history: what was written before the kill, and how it went on"
client history order-1 >"$work/history"
awk -v killed="$killed" -v mark="${red}   -  $killed  kill -9$plain" \
  '$2 > killed && !marked { print mark; marked = 1 } { print }' "$work/history"
grep -q WorkflowExecutionCompleted "$work/history" || die "The order did not complete."

# Where 7233 is another server's, both sides have to be told.
on_port=''
if [ "$port" != 7233 ]; then
  on_port=" --port $port"
  go_there="$go_there && export TEMPORAL_ADDRESS=$TEMPORAL_ADDRESS"
fi
cat <<EOT

${bold}By hand:${plain} in one terminal, a server that keeps its workflows in a file
  build/release/reprise server start-dev --db-filename orders.db$on_port
in a second one, a worker
  $go_there
  npm run worker
in a third one, an order; end the server and the worker in between as you like
  $go_there
  npm run order -- start order-2
  npm run order -- status order-2
  npm run order -- approve order-2 alice
  npm run order -- result order-2
  npm run order -- history order-2
EOT
