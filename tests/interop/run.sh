#!/usr/bin/env bash
# Runs one of the interop tests. usage: run.sh NAME SERVER-BINARY, with a name from below.
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
setup_npm "$here"

# What the judge is told of a language: its name, and the command of its suite.
suite_typescript() {
  # Two tests may compile it at once, so each compiles into a folder of its own first.
  local work
  work=$(mktemp -d "$here/typescript/lib.XXXXXX")
  "$here/node_modules/.bin/tsc" -p "$here/typescript" --outDir "$work" || die "its suite does not compile"
  suites+=("typescript=node $work/main.js")
  made+=("$work")
}

suite_python() {
  setup_interop_python || skip "Python's packages could not be installed"
  suites+=("python=$interop_python $here/python/main.py")
}

suite_go() {
  setup_interop_go || die "the Go suite could not be built"
  suites+=("go=$interop_go")
}

suite_java() {
  setup_interop_java || die "the Java suite could not be built"
  suites+=("java=java -cp $interop_java interop.Main")
}

suites=() made=()
trap 'rm -rf "${made[@]}"' EXIT
written="$root/docs/COMPATIBILITY.md"
case "$1" in
  scenarios)
    suite_typescript
    python3 "$here/judge.py" --check "$written" "$REPRISE_BINARY" "${suites[@]}"
    exit
    ;;
  cross)
    suite_typescript
    suite_python
    python3 "$here/judge.py" --cross --check "$written" "$REPRISE_BINARY" "${suites[@]}"
    exit
    ;;
  all)
    suite_typescript
    suite_python
    suite_go
    suite_java
    python3 "$here/judge.py" --table "$written" "$REPRISE_BINARY" "${suites[@]}"
    exit
    ;;
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
