#!/usr/bin/env bash
# Runs a command with a throw-away MariaDB of its own, named by REPRISE_TEST_MYSQL.
# usage: with_mariadb.sh COMMAND...
# It lives in a temporary folder on a free port, runs without root, and is gone afterwards.
set -euo pipefail
# shellcheck source=tools/dev/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

mariadbd=$(command -v mariadbd || echo /usr/sbin/mariadbd)
[ -x "$mariadbd" ] || die "MariaDB is not installed: run ./dev setup"

folder=$(mktemp -d "${TMPDIR:-/tmp}/reprise-mariadb.XXXXXX")
server=''
cleanup() {
  if [ -n "$server" ]; then
    stop_process "$server" 20
  fi
  rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The kernel ends the server when this script dies, even by SIGKILL.
unprivileged=(setpriv --pdeathsig KILL)
if [ "$(id -u)" = 0 ]; then
  user=mysql
  id "$user" >/dev/null 2>&1 || user=nobody
  unprivileged+=("--reuid=$user" "--regid=$(id -g "$user")" --clear-groups)
  chown "$user" "$folder"
fi

say "MariaDB: setting up a throw-away server"
common=(--no-defaults "--datadir=$folder/data")
"${unprivileged[@]}" mariadb-install-db "${common[@]}" --auth-root-authentication-method=normal \
  --skip-test-db --skip-name-resolve --force >"$folder/install.log" 2>&1 || {
  cat "$folder/install.log" >&2
  die "mariadb-install-db failed"
}

# It speaks TLS to those who ask for it.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 \
  -keyout "$folder/key.pem" -out "$folder/ca.pem" 2>"$folder/openssl.log" || {
  cat "$folder/openssl.log" >&2
  die "openssl makes no certificate"
}
[ -z "${user:-}" ] || chown "$user" "$folder/key.pem"
secret=("--ssl-ca=$folder/ca.pem" "--ssl-cert=$folder/ca.pem" "--ssl-key=$folder/key.pem")

ready() {
  process_gone "$server" || mariadb-admin --no-defaults --socket="$folder/socket" -u root ping \
    >/dev/null 2>&1
}

# Another process may take the port first: try again with another one.
for attempt in 1 2 3; do
  port=$(free_port)
  "${unprivileged[@]}" "$mariadbd" "${common[@]}" "${secret[@]}" --bind-address=127.0.0.1 "--port=$port" \
    "--socket=$folder/socket" "--pid-file=$folder/pid" --skip-name-resolve --max-connections=500 \
    --innodb-buffer-pool-size=256M >"$folder/server.log" 2>&1 &
  server=$!
  if wait_until 60 "MariaDB" ready && ! process_gone "$server"; then
    break
  fi
  [ "$attempt" -lt 3 ] || {
    cat "$folder/server.log" >&2
    die "MariaDB does not start"
  }
done

export REPRISE_TEST_MYSQL="mysql://root@127.0.0.1:$port/"
export REPRISE_TEST_MYSQL_CA="$folder/ca.pem"
say "MariaDB: $REPRISE_TEST_MYSQL"
status=0
"$@" || status=$?
exit "$status"
