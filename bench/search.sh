#!/bin/bash
# Ubiquitin and ten held-out chains (the first of bench/heldout) searched for in UniProt's sequences of 2014, and folded with and without
# what was found: rows, seconds, alignments beside those of jackhmmer called by hand, lDDT-CA of all samples.
#   search.sh OUT [OF3] [--database FASTA] [--seeds LIST] [--threads N] [--python PROGRAM] [--oracle FOLDER]
# OUT: a folder for all files; what is in it already is not made again. OF3: the program, build/of3 by default. Without --database one of 516,371
# sequences is made of Debian's metastudent-data (ncbi-blast+, 193 MB). --python: has numpy. --oracle: the folder of the PyTorch version
# of the network, whose reference_features.py and make_fixtures.py then fold the chains from the same alignments, too (27 CPU seconds each; --python
# has PyTorch and openfold3 0.5.0). Needs hmmer.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
usage() { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }

database= seeds=42 threads=1 python=python3 oracle=
. "$here/arguments.sh"
arguments "database seeds threads python oracle" "$@"
out=$checkpoint # the first argument
demo=$here/../examples/demo
chains="1ubq_A_32 1C5E_B 1F2L_A 1H32_B 1IQZ_A 1J8B_A 1JWI_A 1JY2_F 1K61_C 1L2P_A 1MBY_A"
export OF3_CACHE=
mkdir -p "$out/hand"

if [ -z "$database" ]; then
  database=$out/metastudent.fasta
  [ -s "$database" ] || for set in MFO BPO CCO; do
    blastdbcmd -db "/usr/share/metastudent-data/dataset_201401/$set/goasp.fasta" -entry all -outfmt '%f'
  done | awk -F'|' '/^>/ {keep = !seen[$1]++; if (keep) print $1; next} keep' >"$database"
fi
printf 'databases:\n  - {name: uniref90, path: "%s"}\n' "$(realpath "$database")" >"$out/databases.yaml"
"$python" "$here/heldout/make_queries.py" "$out/query.json" --chains $chains

echo "$(grep -c '>' "$database") sequences; $threads thread(s)"
search() { "$of3" search "$out/query.json" --databases "$out/databases.yaml" -o "$out/msas" -t "$threads" --log warn; }
search
search
equal=0 rows=
for folder in "$out"/msas/main/*/; do
  name=$(basename "$folder")
  tr -d '\n' <"$out/query.json" | grep -o '"sequence": "[A-Z]*"' | cut -d'"' -f4 | while read -r s; do
    [ "$(printf %s "$s" | sha256sum | cut -d' ' -f1)" != "$name" ] || printf '>query\n%s\n' "$s" >"$out/hand/$name.fa"
  done
  jackhmmer -o /dev/null -A "$out/hand/all.sto" --noali -N 1 -E 0.0001 --incE 0.0001 --F1 0.0005 --F2 0.00005 --F3 0.0000005 --cpu 1 \
    "$out/hand/$name.fa" "$database"
  grep -vE '^#=GR|^#=GC PP|^#=GF' "$out/hand/all.sto" | cmp - "$folder/uniref90_hits.sto" && equal=$((equal + 1))
  rows="$rows $(awk '!/^#/ && NF == 2 {print $1}' "$folder/uniref90_hits.sto" | sort -u | wc -l)"
done
echo "$equal of $(ls "$out/msas/main" | wc -l) alignments are those of jackhmmer called by hand; rows:$rows"

fold() { # fold QUERY FOLDER
  "$of3" predict "$1" --checkpoint "$demo/of3-demo.safetensors" --samples 5 --steps 200 --recycles 3 --seeds "$seeds" --threads "$threads" \
    --output-dir "$out/$2" --log error >/dev/null
  printf '%s: ' "$2"
  "$python" "$here/heldout/score.py" "$out/$2" --chains $chains --csv "$out/$2.csv"
}
fold "$out/query.json" sequence
fold "$out/msas/query_msa.json" msa

if [ -n "$oracle" ]; then
  for c in $chains; do
    [ ! -s "$out/oracle_$c.txt" ] || continue
    "$python" "$oracle/reference_features.py" "$out/msas/query_msa.json" "$out/features.safetensors" --query "$c" --seed 1 >/dev/null
    "$python" "$oracle/make_fixtures.py" "$out/oracle.npz" --quiet --features "$out/features.safetensors" --variant OB --config "$demo/of3-demo.json" \
      --checkpoint "$demo/of3-demo.safetensors" --fold --cycles 4 --steps 200 --samples 5 --seed 0 --dtype f32 >/dev/null
    "$python" "$here/heldout/score_oracle.py" "$c" "$oracle" "$out/features.safetensors" "$out/oracle.npz" >"$out/oracle.new"
    mv "$out/oracle.new" "$out/oracle_$c.txt"
  done
  cat "$out"/oracle_*.txt | awk '{m += $3; h += $4; n++; print} END {printf "PyTorch, %d chains: mean of samples %.4f, highest %.4f\n", n, m / n, h / n}'
fi
echo "chain, residues; lDDT-CA of the highest pLDDT and the highest from the sequence, the same with the alignment:"
paste -d, "$out/sequence.csv" "$out/msa.csv" | cut -d, -f1,2,3,5,9,11 | tail -n +2
