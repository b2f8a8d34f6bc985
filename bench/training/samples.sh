#!/bin/sh
# Time of a training sample: bench/training/samples.sh STRUCTURES CCD > bench/results/training_samples.txt
# STRUCTURES is a folder of mmCIF files, CCD a converted dictionary (of3 ccd build). Their proteins get made-up alignments of 2,000 rows each (bench/training/alignments.py);
# then bench/training/samples.c makes 100 crops of 384 tokens, with 1 thread and with 2.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$here/../../build
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OF3_RDKIT_PLUGIN="$build/of3_rdkit.so"
"$build/of3" data build "$1" --ccd "$2" -o "$work/plain.of3set" >"$work/log" 2>&1
${PYTHON:-python3} "$here/alignments.py" "$work/plain.of3set" "$work/alignments"
"$build/of3" data build "$1" --ccd "$2" --alignments "$work/alignments" -o "$work/set.of3set" | sed 's/^[^:]*: //'
for threads in 1 2; do "$build/bench/of3_samples" "$work/set.of3set" "$2" 384 100 "$threads"; done
