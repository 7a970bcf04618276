#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# remote_story.sh FOLDER TANDEM SCENARIO CLIENT [KEY=VALUE ...]
# The firmware in a process of its own writes the same story to the UART as inside the simulator.
set -u
folder=$1 tandem=$2 scenario=$3 client=$4
shift 4
"$(dirname "$0")/with_server.sh" "$folder" "$tandem" "$scenario" "$client" "$@" || exit 1
options=
for setting in "$@"; do options="$options --set $setting"; done
# shellcheck disable=SC2086 # words on purpose
"$tandem" run "$scenario" --no-progress --set run.baseline=none --out "$folder/run" $options |
  sed '/^$/,$d' >"$folder/story.txt"
[ -s "$folder/story.txt" ] || { echo "no story"; exit 1; }
echo >>"$folder/server1.txt" # the run ends the line, the UART does not
diff "$folder/story.txt" "$folder/server1.txt"
