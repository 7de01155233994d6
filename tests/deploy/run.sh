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
prometheus="$cache/prometheus/usr/bin"
needs_prometheus() {
  [ -x "$prometheus/promtool" ] || skip "there is no Prometheus; ./dev test unpacks Debian's"
}

case "$1" in
  rules)
    needs_prometheus
    exec python3 "$here/rules.py" "$prometheus/promtool"
    ;;
  live)
    needs_prometheus
    [ -n "${REPRISE_TEST_MYSQL:-}" ] || skip "REPRISE_TEST_MYSQL names no MySQL; see tools/dev/with_mariadb.sh"
    exec python3 "$here/live.py" "$binary" "$prometheus/prometheus"
    ;;
  *) die "unknown test $1" ;;
esac
