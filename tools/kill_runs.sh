#!/bin/sh
# Kills `of3 predict` at random moments while it replaces results, and looks at what is there afterwards:
#   tools/kill_runs.sh KILLS [BUILD]      a fresh folder each; exit 0: nothing was lost or mixed
# An output folder holds complete results of a run A. A run with other options, B, replaces them and is killed
# (SIGKILL) at a random moment; the next one goes back to A, and so on. What is looked at: tools/store_checks.sh.
set -eu
kills=${1:-10}
build=$(cd "${2:-build}" && pwd)
of3=$build/of3
root=$(cd "$(dirname "$0")/.." && pwd)
checkpoint=$root/tests/fixtures/parity/checkpoint_ob.safetensors
queries="a b c" seeds="1 2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
cd "$work"
. "$root/tools/store_checks.sh"

killed=0
k=0
other=B
while [ $k -lt "$kills" ]; do
  k=$((k + 1))
  cp out/summary.txt before 2>/dev/null || : >before
  (predict $other out) >/dev/null 2>said &
  pid=$!
  # up to a tenth more than a run takes
  wait_ms=$(awk -v seed="$k$$" -v most="$took" 'BEGIN { srand(seed); print int(rand() * 1.1 * most) }')
  sleep "$(awk -v ms="$wait_ms" 'BEGIN { printf "%.3f", ms / 1000 }')"
  state=ended
  if kill -KILL $pid 2>/dev/null; then state=killed; fi
  code=0
  wait $pid 2>/dev/null || code=$?
  if [ $code = 137 ]; then killed=$((killed + 1)); else state=ended; fi
  [ $code = 137 ] || [ $code = 0 ] || fail "kill $k: exit $code: $(cat said)"
  check "kill $k" $state
  if [ $other = A ]; then other=B; else other=A; fi
done

echo "$killed of $kills killed before they ended; nothing was lost or mixed"
# The next run clears away what they left, and its results are those of a run that nobody disturbed.
(predict A out) >/dev/null
left=$(find out -name '*.tmp-*' -o -name '.of3*')
[ -z "$left" ] || fail "left behind: $left"
for f in $(cd A && find . -type f | grep -vE 'timing.json|of3_run.json|experiment_config.json'); do cmp "A/$f" "out/$f"; done
