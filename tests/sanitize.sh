#!/bin/sh
# The tests under the address and undefined-behaviour sanitizers, with assertions. Usage: tests/sanitize.sh
# Reports go to files, since tests hide what programs print; any is a failure.
set -eu
cd "$(dirname "$0")/.."
tools/install.sh build
jobs=$(getconf _NPROCESSORS_ONLN)
cmake --preset sanitize >/dev/null
cmake --build build-sanitize -j "$jobs"

# Left out: what would run the same code on larger numbers, or the same code once more.
#   parity_demo...         the trained checkpoint: wider than the tiny networks, and not otherwise (parity_p1 to ob)
#   parity_..._converted   as parity_..._bf16; convert_... makes its file here, too
#   ..._mlx_(bf16|f16|tape), ..._declined_bf16
#                          types are MLX's affair, whose memory no sanitizer sees; tapes are above it
#   test_trainer_mlx       ten steps once more, of which MLX computes nearly all: minutes
#   bench                  which no test runs, is not built
#   cli_selftest           runs the parity program, which runs here; what it makes of it is cli_selftest_program
#   cli_threads            that bytes are the same for all numbers of threads (thread sanitizer: tests/tsan.sh)
#   test_ops, test_plan, test_backward, test_trainer
#                          in their place ..._sanitized (tests/tensor.cmake, model.cmake): fewer threads, no large plans, numbers
#                          compared in short cases only
# Warnings are no errors here: gcc gives false ones of code that sanitizers have changed. Of the command line's cases those that repeat are shorter (OF3_SHORT, tests/cli/lib.sh).
without='^parity_demo|_converted$|_mlx_(bf16|f16|tape)$|_declined_bf16$|^cli_(selftest|threads)$|^test_(ops|plan|backward|trainer|trainer_mlx)$'
cd build-sanitize
rm -rf reports
mkdir reports
# exit code 99: none of of3's
export ASAN_OPTIONS="exitcode=99:log_path=$PWD/reports/asan" UBSAN_OPTIONS="exitcode=99:print_stacktrace=1:log_path=$PWD/reports/ubsan"
status=0
ctest -C sanitized --output-on-failure -j "$jobs" -E "$without" || status=$?
for report in reports/*; do
  [ -e "$report" ] || continue
  status=1
  head -n 60 "$report"
done
exit $status
