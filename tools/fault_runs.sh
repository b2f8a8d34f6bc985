#!/bin/sh
# Disturbs `of3 predict` at every change that it makes to the disk while it replaces results, one run for each, and looks
# at what is there afterwards:
#   tools/fault_runs.sh STEP [BUILD [FIRST]]     every STEP-th change from FIRST (1) on; exit 0: nothing was lost or mixed
# Three ways (tests/cli/poor_disk.c): the change fails (fail), from it on whatever takes room fails (full), the process
# is killed before it (kill). The same again where folders cannot be exchanged. After each:
#   - what tools/store_checks.sh says holds
#   - a run that says that it succeeded has replaced everything; one that failed says so in a sentence
#   - the next run, undisturbed, leaves what a run leaves that nobody disturbed, and nothing else
set -eu
step=${1:-1}
build=$(cd "${2:-build}" && pwd)
first=${3:-1}
of3=$build/of3
root=$(cd "$(dirname "$0")/.." && pwd)
checkpoint=$root/tests/fixtures/parity/checkpoint_ob.safetensors
shim=$build/tests/libpoor_disk.so
queries="a b" seeds="1 2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
cd "$work"
. "$root/tools/store_checks.sh"

disturbed() { (export POOR_DISK="$1" LD_PRELOAD="$shim" && predict B out -j 1 -t 1) >/dev/null 2>said; }

# All but times and threads, and what a later run clears away: the pattern $2.
same_as_B() {
  for f in $(cd B && find . -type f | grep -vE 'timing.json|of3_run.json|experiment_config.json'); do
    cmp "B/$f" "out/$f" || fail "$1: $f"
  done
  [ "$(cd B && find . | LC_ALL=C sort)" = "$(cd out && find . | grep -vE "^./logs|$2" | LC_ALL=C sort)" ] ||
    fail "$1: other files: $(diff -rq B out | grep 'Only in')"
}

one() { # one HOW N
  label="$1$2$3"
  rm -rf out
  cp -r A out
  cp out/summary.txt before
  code=0
  disturbed "$3 $1=$2" || code=$?
  case $1:$code in
  *:0) same_as_B "$label" '/\.of3-|\.tmp-' ;; # old results could not be removed
  kill:137) check "$label" killed ;;
  fail:1 | full:1)
    check "$label" failed
    grep -q '^of3: ' said || fail "$label: no sentence: $(cat said)"
    ;;
  *) fail "$label: exit $code: $(cat said)" ;;
  esac
  (predict B out -j 1 -t 1) >/dev/null 2>said || fail "$label, afterwards: $(cat said)"
  same_as_B "$label, afterwards" none
}

runs=0
other=B # the run that is disturbed
for disk in "" noexchange; do
  cp -r A out2 && rm -rf out && mv out2 out
  disturbed "$disk count=$work/changes"
  changes=$(cat "$work/changes")
  [ "$changes" -gt 20 ] || fail "$changes changes were counted: $shim is not in the way"
  at=$first
  while [ "$at" -le "$changes" ]; do
    for how in fail full kill; do
      one $how "$at" "$disk"
      runs=$((runs + 1))
    done
    at=$((at + step))
  done
done
echo "$runs runs disturbed; nothing was lost or mixed"
