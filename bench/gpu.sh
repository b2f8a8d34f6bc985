#!/bin/bash
# of3 on a GPU through MLX, of3 on the CPU, and the reference on both, in one run: seconds of each phase, for
# bench/README.md and docs/backends.md.
#   gpu.sh OUT [--sizes "76 256"] [--engines "mlx cpu reference-cuda reference-cpu"]
# OF3 names the program (build/of3 by default), OF3_MLX_PLUGIN a plugin that was built with MLX's GPU build (beside the program
# by default), PYTHON a Python with PyTorch and openfold3==0.5.0 (python3 by default). 76: ubiquitin, the sequence alone. 256:
# ubiquitin over and over with an alignment of 1024 rows. 5 samples. Random weights of the published size, made first (1.5 GB in
# OUT) and used by all. Phases of of3: `of3 bench`; of the reference: reference_network.py. Whole folds by `of3 predict`:
# ubiquitin with MLX, 256 residues on the CPU in bf16. After each part comes what share of the processor time that was
# wanted the host gave to others ("stolen"). A part that fails is told, and the next one is done. Five minutes on an H200
# with 16 processors, most of it the reference on these.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
usage() { sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }

sizes="76 256" engines="mlx cpu reference-cuda reference-cpu" out=
while [ $# -gt 0 ]; do
  case $1 in
    --sizes | --engines) [ $# -ge 2 ] || usage; declare "${1#--}=$2"; shift 2 ;;
    -*) usage ;;
    *) [ -z "$out" ] || usage; out=$1; shift ;;
  esac
done
[ -n "$out" ] || usage
of3=${OF3:-$here/../build/of3} python=${PYTHON:-python3}
mkdir -p "$out"
failed=0
say() { echo; echo "== $* ($(date +%T))"; }

# Clock ticks of all processors: stolen by the host, and wanted by programs, these included.
ticks() { awk '/^cpu / { print $9, $2 + $3 + $4 + $7 + $8 + $9 }' /proc/stat; }
part() { # COMMAND...
  local before
  before=$(ticks)
  "$@" || { echo "failed"; failed=1; }
  echo "$before $(ticks)" | awk '$4 > $2 { printf "stolen: %.1f %%\n", 100 * ($3 - $1) / ($4 - $2) }'
}

# An alignment of ROWS rows; the query, which comes before them, is one more in which three of ten residues are others.
alignment() { # SEQUENCE ROWS
  awk -v s="$1" -v rows="$2" 'BEGIN {
    srand(1)
    for (r = 0; r < rows; r++) {
      print ">row" r
      for (i = 1; i <= length(s); i++)
        printf "%s", r && rand() < 0.3 ? substr("ARNDCQEGHILKMFPSTWYV", 1 + int(20 * rand()), 1) : substr(s, i, 1)
      print ""
    }
  }'
}

query() { # RESIDUES: writes OUT/q RESIDUES.json
  local sequence msa=
  sequence=$("$here/ubiquitin_sequence.sh" "$1")
  if [ "$(rows "$1")" -gt 2 ]; then
    alignment "$sequence" "$(($(rows "$1") - 1))" >"$out/a$1.a3m"
    msa=", \"main_msa_file_paths\": [\"$out/a$1.a3m\"]"
  fi
  cat >"$out/q$1.json" <<JSON
{"queries": {"q": {"chains": [{"molecule_type": "protein", "chain_ids": ["A"], "sequence": "$sequence"$msa}]}}}
JSON
}
rows() { [ "$1" -ge 256 ] && echo 1024 || echo 2; }
wanted() { [[ " $engines $sizes " == *" $1 "* ]]; } # ENGINE or size

measure_of3() { # BACKEND DTYPE RESIDUES OPTIONS...
  say "of3, $1, $2, $3 residues"
  "$of3" bench --backend "$1" --dtype "$2" -c "$out/weights.pt" -N "$3" --msa-rows "$(rows "$3")" --what phases "${@:4}"
}
measure_reference() { # OPTIONS...
  say "reference, $*"
  local n features=()
  for n in $sizes; do features+=("$out/f$n.safetensors"); done
  "$python" "$here/reference_network.py" "$out/weights.pt" "${features[@]}" "$@" 2>"$out/log" || { tail -5 "$out/log"; false; }
}
export OF3_MSA_SERVER= # queries without alignments are folded without
fold_whole() { # RESIDUES WEIGHTS BACKEND DTYPE
  say "of3, whole, $3, $4: $1 residues, 5 samples, 4 passes, 200 steps"
  time "$of3" predict "$out/q$1.json" -c "$2" -o "$out/fold-$3-$4" --backend "$3" --dtype "$4" --overwrite --log warn
}

echo "$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null || echo 'no GPU'), $(nproc) processors," \
  "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"
for n in $sizes; do
  query "$n"
  "$of3" features "$out/q$n.json" --out "$out/f$n.safetensors" --log warn
done
if wanted reference-cuda; then part measure_reference --device cuda --modes 32/high,32/highest,bf16-mixed/high --steps 20; fi
[ -f "$out/weights.pt" ] || "$python" "$here/reference_network.py" "$out/weights.pt"
for n in $sizes; do
  for type in f32 bf16; do
    if wanted mlx; then part measure_of3 mlx $type "$n" --passes 3 --steps 20; fi
    if wanted cpu; then part measure_of3 cpu $type "$n" --passes 2 --steps 4; fi
  done
done
if wanted mlx && wanted 76; then
  for type in f32 bf16; do part fold_whole 76 "$out/weights.pt" mlx $type; done
fi
if wanted cpu && wanted 256; then
  "$of3" convert "$out/weights.pt" "$out/bf16.safetensors" --dtype bf16
  cat "$out/bf16.safetensors" >/dev/null # into the page cache
  part fold_whole 256 "$out/bf16.safetensors" cpu bf16
fi
if wanted reference-cpu; then part measure_reference --device cpu --passes 1 --steps 2 --cold; fi
exit $failed
