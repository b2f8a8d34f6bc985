# shellcheck shell=sh disable=SC2154,SC2086
# What tools/kill_runs.sh and tools/fault_runs.sh share: two runs of the same queries with other options, A and B, and
# what must hold of an output folder in which one replaced results of the other and was disturbed:
#   - every seed folder equals, file by file, that of a whole run A or B: no file is half-written or of another run
#   - all results are complete: never fewer than before
#   - every row of ranking.tsv is a row of the run whose files are in that folder, and the ranking is in order
#   - every best model is a copy of the best ranked sample of its query, or of one of the results in its folder
#   - summary.txt does not call the disturbed run complete, or says that something failed
# To be read (.) with `of3`, `checkpoint`, `queries` and `seeds` set, in an empty folder `work`.
export OF3_MSA_SERVER= # queries without alignments are folded without

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

: >q.fasta
sequence=
items=0
for q in $queries; do # each longer than the one before
  sequence=${sequence}MKTAYIAKQRQISFVKSHFSRQ
  printf '>%s\n%s\n' "$q" "$sequence" >>q.fasta
  for s in $seeds; do items=$((items + 1)); done
done
seed_list=$(echo $seeds | tr ' ' ,)
predict() { # predict A|B OUT OPTIONS..., in place of this shell
  steps=6
  [ "$1" = A ] || steps=7
  out=$2
  shift 2
  exec "$of3" predict q.fasta -c "$checkpoint" -n 2 -r 0 -s "$seed_list" --steps $steps --log error -o "$out" --overwrite "$@"
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

check() { # check LABEL killed|failed|ended: what was done, and what came of the run; ended: it came too late
  n=0
  : >state
  for q in $queries; do
    for s in $seeds; do
      folder=$q/seed_$s
      r=$(run_of $folder)
      [ "$r" != none ] || fail "$1: the files in $folder are of no run: $(ls "out/$folder"; diff -rq "out/$folder" "A/$folder"; diff -rq "out/$folder" "B/$folder")"
      complete "out/$folder" || fail "$1: $folder is not complete"
      echo "$q $s $r" >>state
      n=$((n + 1))
    done
  done
  [ $n = $items ] || fail "$1: $n results instead of $items"
  if [ -e out/ranking.tsv ]; then
    sed 1d out/ranking.tsv >rows
    while IFS='	' read -r query rank seed rest; do
      r=$(awk -v q="$query" -v s="$seed" '$1 == q && $2 == s { print $3 }' state)
      grep -q "^$query	[0-9]*	$seed	$rest\$" "$r/ranking.tsv" || fail "$1: the row of $query, $seed is not of its files ($r): $(cat state; cat out/ranking.tsv; grep "^$query" A/ranking.tsv B/ranking.tsv)"
    done <rows
    awk -F'\t' '$1 != last { rank = 0; score = 1e9 } { rank++; if ($2 != rank || $5 > score) exit 1; score = $5; last = $1 }' rows ||
      fail "$1: the ranking is not in order"
    [ "$(tail -c 1 out/ranking.tsv | od -An -c | tr -d ' ')" = '\n' ] || fail "$1: half a ranking"
  fi
  for q in $queries; do
    best=out/$q/${q}_best_model.cif
    [ -e "$best" ] || continue
    found=
    for model in out/"$q"/seed_*/*_model.cif; do
      if cmp -s "$best" "$model"; then found=$model; fi
    done
    [ -n "$found" ] || fail "$1: the best model of $q is none of its samples"
  done
  if [ "$2" != ended ] && [ -e out/summary.txt ] && grep -q '(COMPLETE)' out/summary.txt && ! cmp -s out/summary.txt before; then
    # it may have been: killed at its very end
    [ "$(grep -c " $other\$" state)" = $items ] || [ "$2:$(grep -c 'Failed Queries: *[1-9]' out/summary.txt)" = failed:1 ] ||
      fail "$1: the summary calls it complete"
  fi
}
