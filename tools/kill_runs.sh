#!/bin/sh
# Kills `of3 predict` at random moments while it replaces results, and looks at what is there afterwards:
#   tools/kill_runs.sh KILLS [BUILD]      a fresh folder each; exit 0: nothing was lost or mixed
# An output folder holds complete results of a run A. A run with other options, B, replaces them and is killed
# (SIGKILL) at a random moment; the next one goes back to A, and so on. After each kill:
#   - every seed folder equals, file by file, that of a whole run A or B: no file is half-written or of another run
#   - all results are complete: never fewer than before
#   - every row of ranking.tsv is a row of the run whose files are in that folder, and the ranking is in order
#   - every best model is a copy of the best ranked sample of its query, or of one of the results in its folder
#   - summary.txt does not call the killed run complete
set -eu
kills=${1:-10}
build=$(cd "${2:-build}" && pwd)
of3=$build/of3
root=$(cd "$(dirname "$0")/.." && pwd)
checkpoint=$root/tests/fixtures/parity/checkpoint_ob.safetensors
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
cd "$work"

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

S=MKTAYIAKQRQISFVKSHFSRQ
printf '>a\n%s\n>b\n%s\n>c\n%s\n' $S $S$S $S$S$S >q.fasta
items=6
predict() { # predict A|B OUT, in place of this shell
  steps=6
  [ "$1" = A ] || steps=7
  exec "$of3" predict q.fasta -c "$checkpoint" -n 2 -r 0 -s 1,2 --steps $steps --log error -o "$2" --overwrite
}
(predict A A) >/dev/null
begin=$(date +%s%N)
(predict B B) >/dev/null
took=$((($(date +%s%N) - begin) / 1000000))
cp -r A out

# Which run the files of a seed folder are of: A or B; nothing else is allowed.
run_of() {
  for r in A B; do
    same=$(diff -rq "out/$1" "$r/$1" 2>&1 | grep -v 'timing.json\|of3_run.json' || true)
    if [ -z "$same" ]; then
      echo $r
      return
    fi
  done
  echo none
}

# The listed files have the listed hashes.
complete() {
  [ -e "$1/of3_run.json" ] || return 1
  sed -n 's/^ *"name": "\(.*\)",/\1/p' "$1/of3_run.json" >names
  sed -n 's/^ *"sha256": "\(.*\)"/\1/p' "$1/of3_run.json" | paste -d' ' - names | sed 's/ /  /' >sums
  [ -s sums ] && (cd "$1" && sha256sum --status -c "$work/sums")
}

check() {
  n=0
  : >state
  for q in a b c; do
    for s in 1 2; do
      folder=$q/seed_$s
      r=$(run_of $folder)
      [ "$r" != none ] || fail "kill $1: the files in $folder are of no run: $(ls "out/$folder"; diff -rq "out/$folder" "A/$folder"; diff -rq "out/$folder" "B/$folder")"
      complete "out/$folder" || fail "kill $1: $folder is not complete"
      echo "$q $s $r" >>state
      n=$((n + 1))
    done
  done
  [ $n = $items ] || fail "kill $1: $n results instead of $items"
  if [ -e out/ranking.tsv ]; then
    sed 1d out/ranking.tsv >rows
    while IFS='	' read -r query rank seed rest; do
      r=$(awk -v q="$query" -v s="$seed" '$1 == q && $2 == s { print $3 }' state)
      grep -q "^$query	[0-9]*	$seed	$rest\$" "$r/ranking.tsv" || fail "kill $1: the row of $query, $seed is not of its files ($r): $(cat state; cat out/ranking.tsv; grep "^$query" A/ranking.tsv B/ranking.tsv)"
    done <rows
    awk -F'\t' '$1 != last { rank = 0; score = 1e9 } { rank++; if ($2 != rank || $5 > score) exit 1; score = $5; last = $1 }' rows ||
      fail "kill $1: the ranking is not in order"
    [ "$(tail -c 1 out/ranking.tsv | od -An -c | tr -d ' ')" = '\n' ] || fail "kill $1: half a ranking"
  fi
  for q in a b c; do
    best=out/$q/${q}_best_model.cif
    [ -e "$best" ] || continue
    found=
    for model in out/"$q"/seed_*/*_model.cif; do
      if cmp -s "$best" "$model"; then found=$model; fi
    done
    [ -n "$found" ] || fail "kill $1: the best model of $q is none of its samples"
  done
  if [ "$2" = killed ] && grep -q '(COMPLETE)' out/summary.txt && ! cmp -s out/summary.txt before; then
    # it may have been: killed at its very end
    [ "$(grep -c " $other\$" state)" = $items ] || fail "kill $1: the summary calls it complete"
  fi
}

killed=0
k=0
other=B
while [ $k -lt "$kills" ]; do
  k=$((k + 1))
  cp out/summary.txt before 2>/dev/null || : >before
  (predict $other out) >/dev/null 2>said &
  pid=$!
  # up to a tenth more than a run takes
  wait_ms=$(awk -v seed="$k$$" -v most="$took" 'BEGIN { srand(seed); print int(rand() * 1.1 * most) }')
  sleep "$(awk -v ms="$wait_ms" 'BEGIN { printf "%.3f", ms / 1000 }')"
  state=ended
  if kill -KILL $pid 2>/dev/null; then state=killed; fi
  code=0
  wait $pid 2>/dev/null || code=$?
  if [ $code = 137 ]; then killed=$((killed + 1)); else state=ended; fi
  [ $code = 137 ] || [ $code = 0 ] || fail "kill $k: exit $code: $(cat said)"
  check $k $state
  if [ $other = A ]; then other=B; else other=A; fi
done

echo "$killed of $kills killed before they ended; nothing was lost or mixed"
# The next run clears away what they left, and its results are those of a run that nobody disturbed.
(predict A out) >/dev/null
left=$(find out -name '*.tmp-*' -o -name '.of3*')
[ -z "$left" ] || fail "left behind: $left"
for f in $(cd A && find . -type f | grep -vE 'timing.json|of3_run.json|experiment_config.json'); do cmp "A/$f" "out/$f"; done
