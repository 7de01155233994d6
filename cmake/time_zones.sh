#!/usr/bin/env bash
# The time zones of tzdata as one C++ source, so that the program has a data set of its own: compiled
# anew from their source, since the package's files hold every change to 2037 as a list.
# usage: time_zones.sh ZIC TZDATA_ZI OUT
set -euo pipefail
zic=$1 source=$2 out=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$zic" -b slim -d "$work/zones" "$source"
cd "$work/zones"
find . -type f -printf '%P %s\n' | LC_ALL=C sort | while read -r name size; do
  printf '%s %s\n' "$name" "$size"
  cat "$name"
done >"$work/all"
{
  echo '// Made by cmake/time_zones.sh.'
  echo '#include <cstddef>'
  echo 'namespace reprise {'
  echo 'extern const unsigned char built_in_zone_bytes[];'
  echo 'extern const std::size_t built_in_zone_bytes_size;'
  echo 'const unsigned char built_in_zone_bytes[] = {'
  od -An -v -tu1 -w32 "$work/all" | sed 's/[0-9][0-9]*/&,/g'
  echo '};'
  echo 'const std::size_t built_in_zone_bytes_size = sizeof built_in_zone_bytes;'
  echo '} // namespace reprise'
} >"$work/source"
mv "$work/source" "$out"
