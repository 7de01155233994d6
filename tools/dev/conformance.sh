#!/usr/bin/env bash
# Runs the transcripts of the reference server against ours.
# usage: conformance.sh [ARGUMENT of run.py...], e.g. --only activities. --messages loose
set -euo pipefail
# shellcheck source=tools/dev/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=tools/dev/setup.sh
source "$root/tools/dev/setup.sh"
# shellcheck source=tools/dev/server.sh
source "$root/tools/dev/server.sh"

suite="${REPRISE_CONFORMANCE_DIR:-$root/../shared/conformance}"
[ -f "$suite/run.py" ] || die "There are no transcripts at $suite."

environment="$cache/conformance-env"
if ! [ -f "$environment/complete" ]; then
  setup_packages python3-venv
  say "making a Python environment for the transcripts (once)"
  rm -rf "$environment"
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet temporalio==1.35.0 grpcio googleapis-common-protos >&2
  touch "$environment/complete"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/reprise-conformance.XXXXXX")
trap 'stop_server; rm -rf "$work"' EXIT
port=$(free_port)
log="$root/build/conformance-server.log"
: >"$log"
start_server "$port" "$(free_port)" "$work/store.db" "$log" --log-level warn

arguments=("$@")
case " $* " in
  *' --only '*) ;;
  *)
    mapfile -t areas < <(grep -v '^#' "$root/tests/conformance/areas.txt")
    arguments+=(--only "${areas[@]}")
    ;;
esac

say "running the transcripts (the server's log is build/conformance-server.log)"
status=0
"$environment/bin/python" "$suite/run.py" --address "127.0.0.1:$port" --jobs 8 \
  --json "$work/results.json" --accepted "$root/tests/conformance/accepted.txt" \
  "${arguments[@]}" || status=$?
if [ -f "$work/results.json" ]; then
  python3 "$root/tools/dev/broken_off.py" "$work/results.json" \
    "$root/tests/conformance/broken_off.txt" || status=1
fi
exit "$status"
