#!/bin/bash
# Many small queries: folds in an hour, one after the other (--jobs 1) and side by side, and whether all files are the same.
#   many.sh CHECKPOINT [OF3] [--queries N] [--residues N] [--recycles N] [--steps N] [--samples N] [--threads N]
#           [--dtype TYPE] [--jobs "1 0 ..."]
# OF3: the program, build/of3 by default. Defaults: 16 queries of 76 residues, 0 recycles, 4 steps, 5 samples, f32, all
# processors, jobs 1 and 0 (chosen by of3).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
usage() { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }

queries=16 residues=76 recycles=0 steps=4 samples=5 threads=$(nproc) dtype=f32 jobs="1 0"
. "$here/arguments.sh"
arguments "queries residues recycles steps samples threads dtype jobs" "$@"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

sequence=$("$here/ubiquitin_sequence.sh" "$residues")
for i in $(seq "$queries"); do # ubiquitin's residues over and over, begun at another place for each query
  at=$((i % residues))
  printf '>q%03d\n%s%s\n' "$i" "${sequence:at}" "${sequence:0:at}"
done >"$out/queries.fasta"
cat "$checkpoint" >/dev/null # from the warm page cache

echo "$queries queries of $residues residues, $samples samples, $((recycles + 1)) passes, $steps steps, $dtype, $threads threads:"
first=
for j in $jobs; do
  begin=$(date +%s.%N)
  "$of3" predict "$out/queries.fasta" --checkpoint "$checkpoint" --dtype "$dtype" --samples "$samples" --steps "$steps" \
    --recycles "$recycles" --seeds 42 --threads "$threads" --jobs "$j" --output-dir "$out/$j" >"$out/shown" 2>"$out/log"
  seconds=$(awk -v a="$begin" -v b="$(date +%s.%N)" 'BEGIN { printf "%.2f", b - a }')
  side=$(sed -n 's/^\([0-9]* folds side by side.*\)/, \1/p' "$out/log" | tr -d '\n')
  first=${first:-$seconds}
  awk -v j="$j" -v s="$seconds" -v f="$first" -v n="$queries" -v side="$side" \
    'BEGIN { printf "jobs %s: %.2f s, %.0f folds in an hour, %.2f times the first%s\n", j, s, 3600 * n / s, f / s, side }'
  [ -d "$out/reference" ] || mv "$out/$j" "$out/reference"
  if [ -d "$out/$j" ]; then # everything but times, and the name of the folder
    diff -r -x timing.json -x of3_run.json -x experiment_config.json "$out/reference" "$out/$j" && rm -r "${out:?}/$j"
  fi
done
echo "all files the same"
