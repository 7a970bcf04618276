#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# session.sh NAME TANDEM GDB ELF WORK: a session of gdb on the firmware of quickstart, from the
# repository root, and what must come out of it.
set -euo pipefail
readonly name=$1 tandem=$2 gdb=$3 elf=$4 work=$5

interrupt_after_s= # empty: gdb is left alone

rm -rf "$work"
mkdir -p "$work"

fail() {
  printf '%s: %s\n' "$name" "$*" >&2
  tail -n 60 "$work"/gdb.txt "$work"/run.err >&2 || true
  exit 1
}

command_of() { # OUT [OPTION...]
  command=("$tandem" run scenarios/quickstart.yaml --set platform.cpu=riscv
    --set workload.max_tokens=24 --no-progress --out "$work/$1" "${@:2}")
}
run() { # OUT [OPTION...]
  command_of "$@"
  "${command[@]}"
}

# Starts a run in the background and waits until it listens.
start() {
  : >"$work/run.err"
  command_of with --gdb :0 "$@"
  "${command[@]}" >"$work/run.out" 2>"$work/run.err" &
  run_pid=$!
  trap 'kill "$run_pid" 2>/dev/null || true' EXIT
  local tries
  for ((tries = 0; tries < 600; ++tries)); do
    address=$(sed -n 's/^waiting for gdb at \([^;]*\);.*/\1/p' "$work/run.err")
    [[ -z $address ]] || return 0
    kill -0 "$run_pid" 2>/dev/null || fail "the run has ended before gdb came"
    sleep 0.1
  done
  fail "the run does not listen"
}

# Somebody looks whether a debugger could come, and goes.
look() {
  exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
  exec 3>&-
}

# gdb's commands on standard input.
debug() {
  {
    printf 'set pagination off\nset confirm off\ntarget remote %s\n' "$address"
    cat
  } >"$work/script.gdb"
  timeout --foreground 120 "$gdb" -batch -nx -x "$work/script.gdb" "$elf" >"$work/gdb.txt" 2>&1 &
  local gdb_pid=$!  # timeout's, which hands signals on, once
  if [[ -n $interrupt_after_s ]]; then
    sleep "$interrupt_after_s"
    kill -INT "$gdb_pid"
  fi
  wait "$gdb_pid" || fail "gdb has failed"
}

# The run's exit code.
finish() {
  local code=0
  wait "$run_pid" || code=$?
  [[ $code -eq $1 ]] || fail "the run ended with $code, not $1"
}

expect() { # FILE PATTERN...
  local file=$work/$1 pattern
  shift
  for pattern in "$@"; do
    grep -Eq -- "$pattern" "$file" || fail "no '$pattern' in $file"
  done
}

story_of() { sed '/^---/,$d' "$1"; }

same_results() {
  diff <(grep -v '"seconds"' "$work/with/result.json") \
    <(grep -v '"seconds"' "$work/without/result.json") >"$work/difference" ||
    fail "results differ: $(head -n 5 "$work/difference")"
}

case $name in
  story)
    start
    debug <<'GDB'
info registers pc a1 mstatus
x/i $pc
break tandem::firmware::QueuePair::submit
continue
set $sq = this->submissions_
set $cq = this->completions_
backtrace
finish
print *(tandem::abi::Command*)$sq
watch -l ((tandem::abi::Completion*)$cq)->phase
delete 1
continue
print *(tandem::abi::Completion*)$cq
monitor time
delete
break handle_trap
continue
echo ---trap---\n
backtrace
print/x $mcause
stepi
step
info source
finish
monitor registers NPU.STATUS
monitor registers intc
delete
continue
GDB
    finish 0
    expect gdb.txt '^pc .*<_start>' '^a1 ' '=> 0x40000000 <_start>' \
      '^Breakpoint 1, tandem::firmware::QueuePair::submit' \
      '^#1 .* in tandem::firmware::' \
      '= \{opcode = [1-9].* abi_version = 1 .* tag = 1, program = [1-9]' \
      '^Hardware watchpoint 2: ' '^Old value = 0' '^New value = 1' \
      '= \{tag = 1, status = 0 .* phase = 1 ' '^[0-9]+ ps \([0-9.]+ us\)' \
      '^Breakpoint 3, handle_trap' '0x800000000000000b' \
      'Located in .*firmware/riscv/hal.cpp' \
      '^NPU.STATUS' '^INTC\.' 'exited normally'
    sed '1,/^---trap---/d' "$work/gdb.txt" >"$work/trap.txt"
    expect trap.txt '^#0 +handle_trap' '^#1 +<signal handler called>' '^#[23] .*wait_irq' '^#[5-7] .* _start \(\)'
    run without >"$work/without.out"
    [[ -n $(story_of "$work/without.out") ]] || fail "there is no story"
    diff <(story_of "$work/run.out") <(story_of "$work/without.out") || fail "the story is another"
    ;;
  same)
    start
    look
    debug <<'GDB'
hbreak tandem::firmware::riscv::start_hal
continue
stepi 200
break handle_trap
continue
step
set $pc = $pc
delete
tbreak tandem::firmware::QueuePair::poll
continue
next
delete
continue
GDB
    finish 0
    expect gdb.txt 'start_hal' 'handle_trap' 'QueuePair::poll' 'exited normally'
    run without >"$work/without.out"
    same_results
    ;;
  kill)
    start
    debug <<'GDB'
break handle_trap
continue
kill
GDB
    finish 2
    expect run.err 'the run is incomplete: .*ended the run'
    expect with/result.json '"complete": false'
    ;;
  fault)
    start
    debug <<'GDB'
break tandem::firmware::QueuePair::submit
continue
set $pc = 0x10
delete
continue
print/x $pc
print/x $ra
continue
GDB
    finish 1
    expect gdb.txt 'cannot go on: instruction access fault at pc 0x10' 'SIGSEGV' '= 0x10$' \
      'exited with code 01'
    expect run.err 'instruction access fault at pc 0x10'
    ;;
  limit)
    start --set run.max_simulated_time=600us
    debug <<'GDB'
continue
backtrace
monitor time
continue
GDB
    finish 2
    expect gdb.txt 'the run is incomplete: .*run.max_simulated_time was reached' 'SIGINT' \
      '^#0 ' '^(599|600)[0-9]{6} ps' 'exited with code 01'
    ;;
  interrupt)
    start
    interrupt_after_s=3
    # The instruction becomes one that jumps to itself.
    debug <<'GDB'
tbreak tandem::firmware::QueuePair::submit
continue
set $stuck = $pc
set var *(short*)$pc = 0xa001
continue
print $pc == $stuck
detach
GDB
    kill "$run_pid"
    finish 143
    expect gdb.txt 'SIGINT' '= true$' 'detached'
    ;;
  gone)
    start
    exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
    printf '$?#3f$garbage#00\x03$vCont;c#a8' >&3
    exec 3>&- 3<&-
    : >"$work/gdb.txt"
    finish 0
    run without >"$work/without.out"
    same_results
    ;;
  *) fail "there is no such session" ;;
esac
