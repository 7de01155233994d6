#!/usr/bin/env bash
# Runs one of the interop tests. usage: run.sh typescript|cli|ui SERVER-BINARY
# Exit code 77 says that a tool which the test needs cannot be had.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=tools/dev/common.sh
source "$here/../../tools/dev/common.sh"
# shellcheck source=tools/dev/setup.sh
source "$root/tools/dev/setup.sh"

skip() {
  echo "skipped: $*"
  exit 77
}

export REPRISE_BINARY="$2"
case "$1" in
  typescript)
    command -v npm >/dev/null || skip "there is no npm"
    setup_node
    setup_npm "$root/examples/typescript/order"
    [ -e "$here/typescript/node_modules" ] \
      || ln -sfn ../../../examples/typescript/order/node_modules "$here/typescript/node_modules"
    exec node --test --test-reporter=spec "$here/typescript/"
    ;;
  cli)
    export TEMPORAL_CLI="$cache/bin/temporal-$cli_version"
    [ -x "$TEMPORAL_CLI" ] || skip "the official CLI is not built; ./dev test does it where Go is"
    exec python3 "$here/cli/test_cli.py"
    ;;
  ui)
    export UI_SERVER="$cache/bin/server-$ui_version"
    [ -x "$UI_SERVER" ] || skip "the Web UI is not built; ./dev test does it where Go is"
    command -v chromium >/dev/null || skip "there is no chromium"
    exec python3 "$here/ui/test_ui.py"
    ;;
  *) die "unknown client $1" ;;
esac
