#!/bin/bash
# of3 and the reference on 256 residues, one after the other on an otherwise idle machine, with few denoising steps: times of
# trunk and heads, for bench/README.md.
#   trunk256.sh CHECKPOINT [OF3] [--residues N] [--recycles N] [--steps N] [--samples N] [--dtype TYPE] [--only of3|reference]
# CHECKPOINT: full-size, for instance shared/oracle/make_checkpoint.py OUT --variant OB --config full --no-safetensors
# OF3: the program, build/of3 by default. Defaults: 256 residues, 3 recycles (4 passes), 2 steps, 5 samples, f32.
# OF3_REFERENCE_VENV: see reference_openfold3.sh. It takes about 20 minutes on two cores, nearly all of it the reference's.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
usage() { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }

residues=256 recycles=3 steps=2 samples=5 dtype=f32 only=both
. "$here/arguments.sh"
arguments "residues recycles steps samples dtype only" "$@"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
command -v /usr/bin/time >/dev/null || apt-get install -y -qq time >/dev/null
cat "$checkpoint" >/dev/null # both from the warm page cache
if [ "$only" != reference ]; then
  echo "of3, $residues residues, $samples samples, $steps steps, $((recycles + 1)) passes, $dtype, $(nproc) cores:"
  /usr/bin/time -f 'wall %e s, processor %U + %S s, peak memory %M KiB' "$of3" predict \
    "$("$here/ubiquitin_sequence.sh" "$residues")" --checkpoint "$checkpoint" --dtype "$dtype" --samples "$samples" \
    --steps "$steps" --recycles "$recycles" --seeds 42 --threads "$(nproc)" --log warn --output-dir "$out" | head -3
fi
if [ "$only" != of3 ]; then
  echo "reference:"
  "$here/reference_openfold3.sh" "$checkpoint" "$out/reference" --residues "$residues" --recycles "$recycles" --steps "$steps" \
    --samples "$samples"
fi
