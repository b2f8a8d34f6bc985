#!/bin/sh
# Everything with more than one thread under the thread sanitizer (tests/tsan.cmake). Usage: tests/tsan.sh
# Reports go to files, since tests hide what programs print; any is a failure. Warnings are no errors here (tests/sanitize.sh).
set -eu
cd "$(dirname "$0")/.."
tools/install.sh build
jobs=$(getconf _NPROCESSORS_ONLN)
cmake --preset tsan >/dev/null
cmake --build build-tsan --target concurrent -j "$jobs"
cd build-tsan
rm -rf reports
mkdir reports
export TSAN_OPTIONS="log_path=$PWD/reports/tsan"
status=0
# Without random addresses: some kernels choose them where the sanitizer has its own memory.
setarch "$(uname -m)" -R ctest --output-on-failure -j "$jobs" -L concurrent || status=$?
for report in reports/*; do
  [ -e "$report" ] || continue
  status=1
  head -n 60 "$report"
done
exit $status
