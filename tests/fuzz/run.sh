#!/usr/bin/env bash
# Runs one fuzz target briefly. usage: run.sh NAME; the target comes from REPRISE_FUZZ_DIR.
set -euo pipefail
# shellcheck source=tools/dev/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../tools/dev/common.sh"
target="${REPRISE_FUZZ_DIR:-}/fuzz_$1"
if ! [ -x "$target" ]; then
  skip "fuzz_$1 is not built; ./dev test builds it and names its folder"
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/reprise-fuzz.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir corpus
# The same inputs each time; ./dev fuzz looks for new ones.
"$target" -seed=1 "-runs=${REPRISE_FUZZ_RUNS:-10000}" -max_total_time=60 -timeout=30 -rss_limit_mb=2048 -print_final_stats=1 corpus || {
  status=$?
  for artifact in crash-* timeout-* oom-*; do
    [ -f "$artifact" ] && echo "$artifact:" && base64 "$artifact"
  done
  # Its own code for a finding is the one that ctest takes for a skip.
  [ "$status" -ne 77 ] || status=1
  exit "$status"
}
