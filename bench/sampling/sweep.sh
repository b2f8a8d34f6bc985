#!/bin/bash
# Samplers, steps, noise scales and step scales on the 150 held-out chains, in f32 and bf16: scores of each chain and setting.
#   sweep.sh OUT [--jobs N] [--seconds S] [--limit CHAINS] [--only "f32-1 bf16-1 ..."]
# OF3_SAMPLING names the program (build/bench/of3_sampling by default), PYTHON a Python with numpy. Settings are done in groups, those of
# settings-1 first; a group that would end after S seconds, by the time that the last one took, is left out. OUT gets TYPE-GROUP.csv
# (score.py); summary.py makes tables and the picture of docs/sampling.md of them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
usage() { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }

jobs=$(nproc) seconds=100000 limit=150 only="f32-1 bf16-1 f32-2 bf16-2" out=
while [ $# -gt 0 ]; do
  case $1 in
    --jobs | --seconds | --limit | --only) [ $# -ge 2 ] || usage; declare "${1#--}=$2"; shift 2 ;;
    -*) usage ;;
    *) [ -z "$out" ] || usage; out=$1; shift ;;
  esac
done
[ -n "$out" ] || usage
program=$(realpath "${OF3_SAMPLING:-$here/../../build/bench/of3_sampling}") python=${PYTHON:-python3}
weights=$here/../../examples/demo/of3-demo.safetensors
mkdir -p "$out"

settings() { # GROUP: the sampler, steps, noise scale, step scale of each
  local n s e
  case $1 in
    1)
      for n in 200 50 20 10; do echo "reference $n 1.003 1.5"; done
      for n in 5 8 10 12 16 20 30 50; do echo "ode $n 1 1.5"; done ;;
    2)
      for e in 1 1.25 1.75; do for n in 8 10 16 20 30; do echo "ode $n 1 $e"; done; done
      for n in 20 50; do
        for s in 0.5 1.003; do
          for e in 1 1.25 1.5; do [ "$s $e" = "1.003 1.5" ] || echo "reference $n $s $e"; done
        done
      done ;;
  esac
}
work() { awk '{ n += $2 + 4 } END { print n }' "$1"; } # steps, and what the confidence of the samples takes

"$python" "$here/../heldout/make_queries.py" "$out/queries.json" --limit "$limit"
start=$SECONDS rate=0
for group in $only; do
  type=${group%-*} list=$out/settings-${group#*-}
  settings "${group#*-}" >"$list"
  if [ $((SECONDS - start + $(work "$list") * rate / 1000)) -gt "$seconds" ]; then
    echo "$group: left out, no time"
    continue
  fi
  begin=$SECONDS
  mkdir -p "$out/$group"
  seq 0 $((limit - 1)) | xargs -P "$jobs" -I{} "$program" "$weights" "$out/queries.json" "$list" "$out/$group" --dtype "$type" --part "{}/$limit"
  "$python" "$here/score.py" "$out/$group" "$list" "$out/$group.csv" --jobs "$jobs"
  rm -r "${out:?}/$group"
  rate=$(((SECONDS - begin) * 1100 / $(work "$list")))
  echo "$group: $((SECONDS - begin)) s"
done
