#!/bin/sh
# Compiles a precompiled header and writes beside it a sum of what went into it: of the call, and of
# each file that it read. usage: compile.sh COMPILER ARGUMENT...
set -eu
"$@"
output='' depends=''
for argument in "$@"; do
  case "${previous:-}" in
    -o) output=$argument ;;
    -MF) depends=$argument ;;
  esac
  previous=$argument
done
top=$(cd "$(dirname "$0")/../.." && pwd)
{
  printf '%s\n' "$@" | sed "s|$top||g"
  sed -e '1s/^[^:]*://' -e 's/\\$//' "$depends" | tr -s ' ' '\n' | sed '/^$/d' | xargs cat | sed "s|$top||g"
} | sha256sum >"$output.sum"
