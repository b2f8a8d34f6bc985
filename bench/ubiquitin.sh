#!/bin/bash
# of3, with 200 steps and with --quick, and the reference with 200 on ubiquitin, one after the other on an otherwise idle machine: bench/README.md's first table.
#   ubiquitin.sh CHECKPOINT [OF3]
# CHECKPOINT: full-size, for instance shared/oracle/make_checkpoint.py OUT --variant OB --config full --no-safetensors
# OF3: the program, build/of3 by default. OF3_REFERENCE_VENV: see reference_openfold3.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
checkpoint=$(realpath "$1") of3=${2:-$here/../build/of3}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
command -v /usr/bin/time >/dev/null || apt-get install -y -qq time >/dev/null
cat "$checkpoint" >/dev/null # both from the warm page cache
fold() { # OPTIONS...
  echo "of3 $*:"
  /usr/bin/time -f 'wall %e s, processor %U + %S s, peak memory %M KiB' "$of3" predict \
    "$("$here/ubiquitin_sequence.sh")" --checkpoint "$checkpoint" \
    --samples 5 --recycles 3 --seeds 42 --threads "$(nproc)" --log warn --overwrite --output-dir "$out" "$@" | head -3
}
fold --steps 200
fold --quick
fold --steps 200 --dtype bf16
fold --quick --dtype bf16
echo "reference:"
"$here/reference_openfold3.sh" "$checkpoint"
