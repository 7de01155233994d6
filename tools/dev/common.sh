# Shared by ./dev and the scripts beside this file; sourced, never run.
# shellcheck shell=bash

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/reprise"

if [ -t 2 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'
else
  bold='' red='' plain=''
fi

say() { printf '%s%s%s\n' "$bold" "$*" "$plain" >&2; }

die() {
  printf '%s%s%s\n' "$red" "$*" "$plain" >&2
  exit 1
}

# For a test that needs what is not here: exit code 77 says so to ctest. In CI it is a failure, since
# a judge that nobody misses judges nothing.
skip() {
  [ "${CI:-}" != true ] || die "not skipped, because this is CI: $*"
  echo "skipped: $*"
  exit 77
}

# Polls until the command succeeds: wait_until SECONDS "what for" COMMAND...
wait_until() {
  local limit=$1 what=$2 end
  shift 2
  end=$((SECONDS + limit))
  until "$@"; do
    if [ "$SECONDS" -ge "$end" ]; then
      printf '%sgave up after %s s waiting for %s%s\n' "$red" "$limit" "$what" "$plain" >&2
      return 1
    fi
    sleep 0.05
  done
}

# A TCP port of 127.0.0.1 that was free a moment ago.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

process_gone() { ! kill -0 "$1" 2>/dev/null; }

# Stops a child by its process id: SIGTERM, and SIGKILL when that takes too long.
stop_process() {
  kill "$1" 2>/dev/null || return 0
  wait_until "${2:-15}" "process $1 to end" process_gone "$1" || kill -9 "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "This needs root and there is no sudo: $*"
  fi
}
