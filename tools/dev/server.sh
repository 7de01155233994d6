# Starts and stops the server that a script needs; sourced after common.sh.
# shellcheck shell=bash

server='' # its process id, empty when none runs

# start_server PORT METRICS_PORT DB_FILE LOG [FLAG...]
start_server() {
  local port=$1 metrics=$2 file=$3 log=$4
  shift 4
  setpriv --pdeathsig KILL "${REPRISE_BINARY:-$root/build/release/reprise}" server start-dev --ip 127.0.0.1 \
    --port "$port" --headless --metrics-port "$metrics" --db-filename "$file" "$@" >>"$log" 2>&1 &
  server=$!
  server_answers_or_died() { process_gone "$server" || port_open "$port"; }
  if ! wait_until 20 "the server" server_answers_or_died || process_gone "$server"; then
    tail -n 30 "$log" >&2
    die "The server does not start (its log is above)."
  fi
}

stop_server() {
  if [ -n "$server" ]; then
    stop_process "$server" 20
    server=''
  fi
}
