#!/usr/bin/env bash
# Records where a server's work lies, for ./dev release. usage: profile.sh FILE
#
# The load is that of the bench: workflows of one task from our own generator, and the other kinds
# from the one on the official Go SDK ($REPRISE_YARDSTICK).
set -euo pipefail
# shellcheck source=tools/dev/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=tools/dev/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"

work=$(mktemp -d)
cleanup() {
  stop_server
  rm -rf "$work"
}
trap cleanup EXIT

export REPRISE_BINARY="$root/build/profile/reprise" LLVM_PROFILE_FILE="$work/%p.profraw"

# load KIND COUNT IN_FLIGHT: each on a server and a store of its own
load() {
  local port recorder told
  port=$(free_port)
  say "recording: $1, $3 in flight"
  start_server "$port" "$(free_port)" "$work/$1-$3.db" "$work/log"
  recorder=$server
  if [ "$1" = saturated ]; then
    "$root/build/release/bench_load" --target "127.0.0.1:$port" --pid "$server" --in-flight "$3" --seconds "$2" >&2
  else
    told=$("$REPRISE_YARDSTICK" -addr "127.0.0.1:$port" -kind "$1" -n "$2" -c "$3" -pids "$server")
    printf '%s\n' "$told" >&2
    [[ $told == *'"fails":0,'* ]] || die "Some of these failed: not a load to record."
  fi
  stop_server
  [ -s "$work/$recorder.profraw" ] || die "The server left no record: it did not end by itself."
}

load noop 3000 50
load act3 1000 50
load local3 1500 50
load signal 2000 20
load query 500 10
load noop 200 1
load saturated 3 200

# Functions that never ran are left out: the file stays small, and they are compiled as always.
/usr/lib/llvm-19/bin/llvm-profdata merge --sparse -o "$1" "$work"/*.profraw
say "recorded in $1"
