#!/usr/bin/env bash
# Brings the .proto files of the public API into the cache and prints their folder.
# They are a dependency, not our code: an npm package that ships them whole, pinned by hash.
set -euo pipefail

readonly package='@temporalio/core-bridge' version='1.24.0'
readonly integrity='6kzPB8RsHcPU6HDNUSDBFC0JG2UFrV3ThmPmJkeEafKh2DFrKARM8IzxgKeE5MzvdIXYmONFM0UmHg+TZ0/qrQ=='
cache="${XDG_CACHE_HOME:-$HOME/.cache}/reprise"
target="$cache/api-protos-$version"

if [ ! -f "$target/complete" ]; then
  echo "fetching the public API's proto files ($package $version, once)" >&2
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/fetch.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  (cd "$work" && npm pack --silent "$package@$version" >/dev/null 2>npm.log) || {
    cat "$work/npm.log" >&2
    echo "npm could not fetch $package $version. Is the npm registry reachable?" >&2
    echo "Or configure with -DREPRISE_API_PROTO_DIR=<checkout of the public API repository>." >&2
    exit 1
  }
  tarball=$(ls "$work"/*.tgz)
  found=$(openssl dgst -sha512 -binary "$tarball" | openssl base64 -A)
  if [ "$found" != "$integrity" ]; then
    echo "$package $version does not have the hash that is expected: not used." >&2
    exit 1
  fi
  prefix='package/sdk-core/crates/protos/protos'
  tar -xzf "$tarball" -C "$work" --wildcards "$prefix/api_upstream/*.proto" "$prefix/google/*.proto"
  rm -rf "$target.new"
  mkdir -p "$target.new"
  cp -r "$work/$prefix/api_upstream/temporal" "$work/$prefix/api_upstream/google" \
    "$work/$prefix/api_upstream/nexusannotations" "$target.new/"
  cp -r "$work/$prefix/google/rpc" "$target.new/google/"
  # protobuf's own files come with protoc; a second copy of another version would shadow them.
  rm -rf "$target.new/google/protobuf"
  touch "$target.new/complete"
  rm -rf "$target"
  mv "$target.new" "$target"
fi
echo "$target"
