#!/bin/bash
# A protein with many ligands: one run with a list beside a run for each ligand, in seconds and CPU seconds, whether all files
# are the same, and what features took.
#   screen.sh CHECKPOINT [OF3] [--ligands N] [--apart N] [--residues N] [--rows N] [--recycles N] [--steps N] [--samples N]
#             [--threads N]
# OF3: the program, build/of3 by default. Defaults: 100 ligands by SMILES (RDKit), the first 10 of them also apart (0: none),
# a protein of 76 residues with an alignment of 2000 rows, 0 recycles, 2 steps, 1 sample, all processors. Ligands have about 20
# to 30 heavy atoms; up to 1000 differ.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
usage() { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }

ligands=100 apart=10 residues=76 rows=2000 recycles=0 steps=2 samples=1 threads=$(nproc)
. "$here/arguments.sh"
arguments "ligands apart residues rows recycles steps samples threads" "$@"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

sequence=$("$here/ubiquitin_sequence.sh" "$residues")
# rows that differ from the sequence in every tenth place or so
awk -v s="$sequence" -v n="$rows" 'BEGIN {
  letters = "ACDEFGHIKLMNPQRSTVWY-"; seed = 1
  print ">query\n" s
  for (r = 1; r < n; r++) {
    row = ""
    for (i = 1; i <= length(s); i++) {
      seed = (seed * 16807) % 2147483647
      row = row (seed % 10 ? substr(s, i, 1) : substr(letters, 1 + int(seed / 10) % 21, 1))
    }
    print ">r" r "\n" row
  }
}' >"$out/uniref90_hits.a3m"
chain="{\"molecule_type\": \"protein\", \"chain_ids\": \"A\", \"sequence\": \"$sequence\", \"main_msa_file_paths\": \"uniref90_hits.a3m\"}"
echo "{\"queries\": {\"p\": {\"chains\": [$chain]}}}" >"$out/protein.json"
# ten acids with ten amines and ten substituents
awk -v n="$ligands" 'BEGIN {
  acids = split("c1ccc(X)cc1 c1ccnc(X)c1 c1cc2ccccc2cc1X C1CCN(X)CC1 c1csc(X)c1 c1cc(X)c[nH]1 C1CC1CCX c1ccc(OCX)cc1 c1cnc(X)nc1 C1COCC(X)C1", acid, " ")
  amines = split("Nc1ccccc1 NCc1ccncc1 N1CCOCC1 N1CCN(C)CC1 NC1CCCCC1 NCCc1c[nH]c2ccccc12 N(C)Cc1ccco1 NC(C)c1ccc(F)cc1 NCC1CCCO1 Nc1nccs1", amine, " ")
  links = split("C(=O) CC(=O) S(=O)(=O) C(=O)NCC(=O) C(O)CC(=O) CCC(=O) C(C)C(=O) C(F)C(=O) OCC(=O) C(=O)N[C@@H](C)C(=O)", link, " ")
  for (k = 0; k < n; k++) {
    smiles = acid[1 + k % acids]
    gsub("X", link[1 + int(k / acids) % links] amine[1 + int(k / (acids * links)) % amines], smiles)
    printf "%s l%04d\n", smiles, k
  }
}' >"$out/list.smi"
cat "$checkpoint" >/dev/null # from the warm page cache

options="--checkpoint $checkpoint --samples $samples --steps $steps --recycles $recycles --seeds 42 --threads $threads --confidences none --log error"
TIMEFORMAT='%R %U %S'
# seconds and CPU seconds of a command
took() {
  { time "$@" >"$out/shown" 2>"$out/log"; } 2>&1 | awk '{ printf "%.2f %.2f\n", $1, $2 + $3 }'
}
echo "$ligands ligands, $residues residues, $rows rows, $samples samples, $((recycles + 1)) passes, $steps steps, $threads threads:"
# shellcheck disable=SC2086 # options are words
read -r wall cpu < <(took "$of3" predict "$out/protein.json" --ligands "$out/list.smi" -o "$out/together" $options)
features=$(awk '$2 == 42 && NF > 8 { s += $8 } END { printf "%.2f", s }' "$out/shown")
awk -v w="$wall" -v c="$cpu" -v n="$ligands" -v f="$features" \
  'BEGIN { printf "together: %.2f s, %.2f CPU seconds, %.3f s for each; features of all: %.2f s\n", w, c, w / n, f }'
head -n "$((ligands + 1))" "$out/together/ligands.csv" | grep -c ',complete,' | sed 's/$/ complete/'
[ "$apart" -gt 0 ] || exit 0
one() {
  while read -r smiles name; do
    echo "{\"queries\": {\"p_$name\": {\"chains\": [$chain, {\"molecule_type\": \"ligand\", \"chain_ids\": \"L\", \"smiles\": \"$smiles\"}]}}}" \
      >"$out/$name.json"
    # shellcheck disable=SC2086
    "$of3" predict "$out/$name.json" -o "$out/apart" $options
  done < <(head -n "$apart" "$out/list.smi")
}
read -r wall1 cpu1 < <(took one)
head -n "$apart" "$out/list.smi" >"$out/few.smi"
# shellcheck disable=SC2086
read -r wall2 cpu2 < <(took "$of3" predict "$out/protein.json" --ligands "$out/few.smi" -o "$out/few" $options)
awk -v n="$apart" -v w="$wall1" -v c="$cpu1" -v v="$wall2" -v d="$cpu2" 'BEGIN {
  printf "%d of them: apart %.2f s, %.2f CPU seconds; together %.2f s, %.2f CPU seconds; %.2f times the seconds, %.2f times the CPU seconds\n",
    n, w, c, v, d, w / v, c / d }'
(cd "$out/apart" && find . -name '*_sample_*') | while read -r f; do cmp "$out/apart/$f" "$out/few/$f"; done
echo "all files the same"
