#!/usr/bin/env bash
# Runs one of the interop tests. usage: run.sh typescript|cli|ui|h2spec SERVER-BINARY
# Skipped where a tool that the test needs cannot be had; in CI that is a failure.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=tools/dev/common.sh
source "$here/../../tools/dev/common.sh"
# shellcheck source=tools/dev/setup.sh
source "$root/tools/dev/setup.sh"

export REPRISE_BINARY="$2"
if [ "$1" = h2spec ]; then
  tool="$cache/bin/h2spec-$h2spec_version"
  [ -x "$tool" ] || skip "h2spec is not built; ./dev test does it where Go is"
  exec python3 "$here/h2spec/h2spec.py" "$tool" "$REPRISE_BINARY"
fi
command -v npm >/dev/null || skip "there is no npm"
setup_node
setup_npm "$root/examples/typescript/order"
# All three use the example's packages: the same SDK, installed once.
ln -sfn ../../examples/typescript/order/node_modules "$here/node_modules"

case "$1" in
  typescript) ;;
  cli)
    export TEMPORAL_CLI="$cache/bin/temporal-$cli_version"
    [ -x "$TEMPORAL_CLI" ] || skip "the official CLI is not built; ./dev test does it where Go is"
    ;;
  ui)
    export UI_SERVER="$cache/bin/server-$ui_version"
    [ -x "$UI_SERVER" ] || skip "the Web UI is not built; ./dev test does it where Go is"
    command -v chromium >/dev/null || skip "there is no chromium"
    ;;
  *) die "unknown client $1" ;;
esac
exec node --test --test-reporter=spec "$here/$1/$1.test.js"
