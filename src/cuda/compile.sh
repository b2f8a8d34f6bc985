#!/bin/sh
# compile.sh REPORT COMMAND...: runs the compiler and keeps what it says of registers and spills in REPORT; all else is shown.
report=$1
shift
"$@" >"$report" 2>&1
code=$?
grep -vE '^ptxas info|^ +[0-9]+ bytes stack frame' "$report" >&2
exit $code
