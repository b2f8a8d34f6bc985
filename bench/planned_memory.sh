#!/bin/bash
# What folds of 3,000 and 10,000 tokens are planned to take beside what they then held, host side included, with one block of
# each stack and made-up weights (of3_planned_memory.c says what is narrow in it). The machine needs 20 GB of free memory and
# some minutes. Those of 10,000 tokens are planned only, unless the machine has room for them. Exit status 1: a fold held
# another amount than was planned, by more than 3 %.
#   planned_memory.sh [BUILD]      BUILD: the build folder, ./build by default
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=${1:-$here/../build}/bench/of3_planned_memory
free=$(awk '/MemAvailable/ {printf "%.0f", $2 * 1024 * 0.9 / 1e9}' /proc/meminfo)
failed=0
run() {
  echo "\$ of3_planned_memory $*"
  time "$program" "$@" || failed=1
}
run 1000 "$free" --run --published
run 3000 "$free" --run # 11 minutes of processor time
run 3000 "$free" --published
run 10000 "$free" --run --published
run 10000 200 --published
exit $failed
