# What has to be on the machine: Debian packages, Node, Go tools. Sourced; see common.sh.
# shellcheck shell=bash

readonly build_packages=(
  clang-19 lld-19 libclang-rt-19-dev ccache ninja-build cmake pkg-config openssl python3
  libcaf-dev libgrpc++-dev libgrpc-dev libnghttp2-dev protobuf-compiler libprotobuf-dev libsqlite3-dev
  doctest-dev libcivetweb-dev libcli11-dev libfmt-dev libjemalloc-dev prometheus-cpp-dev libmysqlcppconn-dev libssl-dev
  zlib1g-dev libicu-dev libyaml-cpp-dev tzdata
)
readonly node_needed='20.3'
# Its release 2.6.0, which the module knows by its commit alone.
readonly h2spec_version='v0.0.0-20200804131034-70ac22940108'
readonly cli_version='v1.5.1' ui_version='v2.54.1' go_toolchain='go1.26.4'

setup_packages() {
  local package missing=()
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' \
      || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  say "installing Debian packages (apt-get): ${missing[*]}"
  as_root apt-get update -q >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    "${missing[@]}" >&2
}

setup_build() {
  setup_packages "${build_packages[@]}"
  command -v npm >/dev/null || setup_packages npm
}

# Names instead of addresses in what a sanitizer reports; profiles merged into one.
setup_llvm() { setup_packages llvm-19; }

# For systemd-analyze; nothing is started.
setup_systemd() { command -v systemd-analyze >/dev/null || setup_packages systemd; }

setup_mariadb() { setup_packages mariadb-server-core mariadb-client; }

# Puts a Node of at least $node_needed first in PATH: the system's, or the npm package `node`.
setup_node() {
  if command -v node >/dev/null && node_is_new_enough node; then
    return 0
  fi
  local folder="$cache/node"
  if ! [ -x "$folder/node_modules/node/bin/node" ]; then
    say "installing Node 22 from the npm package 'node' (the system has none of $node_needed or later)"
    mkdir -p "$folder"
    npm install --silent --no-audit --no-fund --prefix "$folder" node@22 >&2
  fi
  export PATH="$folder/node_modules/node/bin:$PATH"
  node_is_new_enough node || die "Node $node_needed or later could not be installed."
}

node_is_new_enough() {
  local have
  have=$("$1" --version 2>/dev/null) || return 1
  [ "$(printf '%s\n%s\n' "$node_needed" "${have#v}" | sort -V | head -n 1)" = "$node_needed" ]
}

# The npm packages of a folder with a lock file, in the cache under the lock's hash, linked there.
setup_npm() {
  local folder=$1 hash kept
  hash=$(sha256sum "$folder/package-lock.json" | cut -c1-16)
  kept="$cache/npm-$hash"
  if ! [ -f "$kept/complete" ]; then
    say "installing the npm packages of $folder (once)"
    rm -rf "$kept"
    mkdir -p "$kept"
    cp "$folder/package.json" "$folder/package-lock.json" "$kept/"
    # Not `npm ci`: it refuses a lock without the optional packages of other platforms.
    (cd "$kept" && npm install --no-audit --no-fund --loglevel=error) >&2
    [ -d "$kept/node_modules" ] || die "npm could not install the packages of $folder."
    touch "$kept/complete"
  fi
  if ! [ -e "$folder/node_modules" ] || [ -L "$folder/node_modules" ]; then
    ln -sfn "$kept/node_modules" "$folder/node_modules"
  fi
}

# The packages of tests/interop/python in the cache, under the hash of what they are. Sets
# interop_python to their interpreter.
setup_interop_python() {
  local wanted="$root/tests/interop/python/requirements.txt" hash kept
  python3 -c 'import ensurepip, venv' 2>/dev/null || setup_packages python3-venv || return 1
  hash=$(cat "$wanted" <(python3 --version) | sha256sum | cut -c1-16)
  kept="$cache/python-$hash"
  if ! [ -f "$kept/complete" ]; then
    say "installing the Python packages of tests/interop/python (once)"
    rm -rf "$kept"
    python3 -m venv "$kept" || return 1
    "$kept/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" >&2 || return 1
    touch "$kept/complete"
  fi
  interop_python="$kept/bin/python"
}

# Go 1.21 or later finds the toolchain that a module asks for by itself. An older one (Debian 12)
# can only download it: it is a Go module too.
setup_go() {
  local minor
  if ! command -v go >/dev/null; then
    setup_packages golang-go || return 1
  fi
  minor=$(go version | sed -E 's/.*go1\.([0-9]+).*/\1/')
  if [ "$minor" -ge 21 ]; then
    return 0
  fi
  local arch module kept
  arch=$(go env GOARCH)
  module="golang.org/toolchain@v0.0.1-$go_toolchain.linux-$arch"
  kept="$(go env GOMODCACHE)/$module"
  if ! [ -x "$kept/bin/go" ]; then
    say "fetching $go_toolchain (the system's is older than 1.21)"
    (cd "$cache" && go mod download "$module") || return 1
    chmod -R u+w "$kept"
    chmod +x "$kept"/bin/* "$kept"/pkg/tool/linux_"$arch"/*
  fi
  export PATH="$kept/bin:$PATH" GOROOT="$kept"
}

# The Go suite of tests/interop, built into the cache. Sets interop_go to it.
setup_interop_go() {
  local folder="$root/tests/interop/go" kept
  setup_go || return 1
  kept="$cache/bin/interop-$(cat "$folder"/*.go "$folder"/go.* | sha256sum | cut -c1-16)"
  if ! [ -x "$kept" ]; then
    say "building tests/interop/go (the first time takes some minutes)"
    mkdir -p "$cache/bin"
    (cd "$folder" && go build -mod=readonly -o "$kept.new" . >&2) || return 1
    mv "$kept.new" "$kept"
  fi
  interop_go="$kept"
}

# The Java suite of tests/interop, built by Maven into the cache. Sets interop_java to its class path.
setup_interop_java() {
  local folder="$root/tests/interop/java" kept
  command -v javac >/dev/null || setup_packages openjdk-17-jdk-headless || return 1
  command -v mvn >/dev/null || setup_packages maven || return 1
  kept="$cache/interop-java-$(find "$folder" -type f -exec cat {} + | sha256sum | cut -c1-16)"
  if ! [ -f "$kept/complete" ]; then
    say "building tests/interop/java (the first time fetches what it needs)"
    rm -rf "$kept"
    mvn -q -B -f "$folder/pom.xml" "-Dinterop.build=$kept" compile \
      dependency:copy-dependencies "-DoutputDirectory=$kept/libs" >&2 || return 1
    touch "$kept/complete"
  fi
  interop_java="$kept/classes:$kept/libs/*"
}

setup_go_tool() { # setup_go_tool NAME MODULE VERSION: into $cache/bin/NAME
  local kept="$cache/bin/$1-$3"
  if ! [ -x "$kept" ]; then
    setup_go || return 1
    say "building $2 $3 (once; takes some minutes)"
    local work
    work=$(mktemp -d "$cache/go.XXXXXX")
    GOBIN="$work" go install "$2@$3" >&2 || {
      rm -rf "$work"
      return 1
    }
    mkdir -p "$cache/bin"
    mv "$work/${2##*/}" "$kept"
    rm -rf "$work"
  fi
}

# Debian's Prometheus and HAProxy, unpacked into the cache: installed, they would run as services of
# this machine. Sets `unpacked`.
setup_unpacked() {
  local packages=(prometheus haproxy liblua5.3-0 libopentracing-c-wrapper0 libopentracing1) work
  unpacked="$cache/unpacked-1"
  [ ! -d "$unpacked" ] || return 0
  say "unpacking Debian's Prometheus and HAProxy into the cache (once)"
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/unpacked.XXXXXX")
  if (cd "$work" && download_packages "${packages[@]}" && unpack_packages) >&2; then
    mv -T "$work" "$unpacked" && return 0
  fi
  rm -rf "$work"
  [ -d "$unpacked" ]
}

download_packages() {
  apt-get download -q "$@" || { as_root apt-get update -q && apt-get download -q "$@"; }
}

unpack_packages() {
  local package
  for package in *.deb; do
    dpkg-deb -x "$package" . && rm "$package" || return 1
  done
}

# What reads manifests by the Go code of those for whom they are, in the cache under its hash. Sets `reader`.
setup_reader() {
  local folder="$root/tests/deploy/reader"
  reader="$cache/bin/reader-$(cat "$folder"/*.go "$folder"/go.* | sha256sum | cut -c1-16)"
  [ ! -x "$reader" ] || return 0
  setup_go || return 1
  say "building the reader of manifests and container files (once; takes half a minute)"
  mkdir -p "$cache/bin"
  (cd "$folder" && go build -mod=readonly -o "$reader.$$" . >&2) && mv "$reader.$$" "$reader"
}

# The load generator on the official Go SDK lies beside a clone, not in it. Answers where the built
# program is, or nothing.
setup_yardstick() {
  local folder="$root/../shared/load" kept
  if ! [ -f "$folder/main.go" ]; then
    say "there is no ../shared/load beside this clone: the lines that it measures are skipped"
    return 0
  fi
  setup_go || return 0
  kept="$cache/bin/load-$(cat "$folder"/*.go "$folder/go.sum" | sha256sum | cut -c1-16)"
  if ! [ -x "$kept" ]; then
    say "building the yardstick, ../shared/load (once; takes a minute)"
    mkdir -p "$cache/bin"
    if ! (cd "$folder" && go build -mod=readonly -o "$kept.new" . >&2); then
      say "the yardstick could not be built: the lines that it measures are skipped"
      return 0
    fi
    mv "$kept.new" "$kept"
  fi
  echo "$kept"
}

# What ./dev bench --peers runs beside our server.
setup_peers() {
  mkdir -p "$cache"
  setup_node
  # Its packages need no scripts; one would report the installation to its authors.
  npm_config_ignore_scripts=true setup_npm "$root/bench/restate" \
    || say "Restate could not be installed: its lines are skipped"
  if setup_go_tool temporal github.com/temporalio/cli/cmd/temporal "$cli_version"; then
    export TEMPORAL_CLI="$cache/bin/temporal-$cli_version"
  else
    say "the official CLI could not be built: its lines are skipped"
  fi
}

setup_test() {
  mkdir -p "$cache"
  setup_mariadb
  setup_node
  setup_npm examples/typescript/order
  setup_npm "$root/tests/interop"
  setup_interop_python || say "Python's packages could not be installed: its scenarios are skipped"
  # Without these the tests that need them are skipped, each with a line that says so.
  setup_go_tool temporal github.com/temporalio/cli/cmd/temporal "$cli_version" \
    || say "the official CLI could not be built: its tests are skipped"
  setup_go_tool server github.com/temporalio/ui-server/v2/cmd/server "$ui_version" \
    || say "the Web UI could not be built: its test is skipped"
  setup_go_tool h2spec github.com/summerwind/h2spec/cmd/h2spec "$h2spec_version" \
    || say "h2spec could not be built: its test is skipped"
  setup_unpacked || say "Prometheus and HAProxy could not be unpacked: the tests with them are skipped"
  setup_reader || say "the reader of manifests could not be built: its tests are skipped"
  setup_systemd || say "systemd could not be installed: its unit is not checked"
  command -v chromium >/dev/null || setup_packages chromium \
    || say "Chromium could not be installed: the Web UI's test is skipped"
}
