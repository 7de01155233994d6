#!/usr/bin/env bash
# Runs one of the tests of deploy/. usage: run.sh NAME SERVER-BINARY, with a name from below.
# Skipped where a tool that the test needs cannot be had; in CI that is a failure.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=tools/dev/common.sh
source "$here/../../tools/dev/common.sh"
# shellcheck source=tools/dev/setup.sh
source "$root/tools/dev/setup.sh"

binary="$2"
needs_mysql() {
  [ -n "${REPRISE_TEST_MYSQL:-}" ] || skip "REPRISE_TEST_MYSQL names no MySQL; see tools/dev/with_mariadb.sh"
}
# Made by ./dev test; here, if need be, for who runs ctest alone.
needs_unpacked() { setup_unpacked || skip "Debian's Prometheus and HAProxy cannot be had"; }
needs_reader() { setup_reader || skip "the reader of manifests could not be built"; }

case "$1" in
  rules)
    needs_unpacked
    exec python3 "$here/rules.py" "$unpacked/usr/bin/promtool"
    ;;
  live)
    needs_mysql
    needs_unpacked
    exec python3 "$here/live.py" "$binary" "$unpacked/usr/bin/prometheus"
    ;;
  door)
    needs_mysql
    needs_unpacked
    libraries=("$unpacked"/usr/lib/*-linux-gnu)
    # For HAProxy alone: the server has its own libraries.
    exec python3 "$here/door.py" "$binary" "$unpacked/usr/sbin/haproxy" "${libraries[0]}"
    ;;
  unit)
    needs_mysql
    command -v systemd-analyze >/dev/null || skip "there is no systemd-analyze"
    exec python3 "$here/unit.py" "$binary"
    ;;
  restored)
    needs_mysql
    exec python3 "$here/restored.py" "$binary"
    ;;
  kubernetes | containers)
    needs_mysql
    needs_reader
    exec python3 "$here/$1.py" "$binary" "$reader"
    ;;
  *) die "unknown test $1" ;;
esac
