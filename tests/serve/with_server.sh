#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# with_server.sh FOLDER TANDEM SCENARIO CLIENT [KEY=VALUE ...]
# Runs CLIENT against `tandem serve` twice, each time with a fresh server. Both must succeed, say the
# same, and leave no socket behind. Afterwards FOLDER, which is emptied first, holds what they said.
set -u
folder=$1 tandem=$2 scenario=$3 client=$4
shift 4
rm -rf "$folder"
mkdir -p "$folder"
fail() { echo "$1"; cat "$folder"/*.txt; exit 1; }

options=
for setting in "$@"; do options="$options --set $setting"; done

serve_once() {
  # A socket's path is short; the build folder's may not be.
  place=$(mktemp -d)
  # shellcheck disable=SC2086 # words on purpose
  "$tandem" serve "$scenario" --socket "$place/socket" --quiet $options \
    >"$folder/server$1.txt" 2>&1 &
  server=$!
  tries=0
  while [ ! -S "$place/socket" ]; do
    tries=$((tries + 1))
    [ $tries -gt 600 ] && { kill $server; fail "no socket"; }
    kill -0 $server 2>/dev/null || fail "the server ended"
    sleep 0.1
  done
  [ "$(stat -c %a "$place/socket")" = 600 ] || { kill $server; fail "wrong permissions"; }
  "$client" "$place/socket" >"$folder/client$1.txt" 2>&1
  code=$?
  kill -TERM $server
  wait $server || fail "the server ended with $?"
  [ -e "$place/socket" ] && fail "the socket is still there"
  rmdir "$place"
  [ $code -eq 0 ] || fail "the client ended with $code"
}

serve_once 1
serve_once 2
cmp "$folder/client1.txt" "$folder/client2.txt" || fail "the second run said something else"
cmp "$folder/server1.txt" "$folder/server2.txt" || fail "the second server said something else"
cat "$folder/client1.txt" "$folder/server1.txt"
