# The output folder keeps what is complete, and never mixes it. Each of these lost or mixed results before.
fold() { of3 predict "$@" -c ob.safetensors -n 2 -r 0 --log error; }
top() { sed -n 2p out/ranking.tsv | cut -f1-5; }

echo "# an interrupted run: no ranking, best model or summary of the run before where its results were replaced"
printf '>a\nMKTAYIAKQRQISFVKSHFSRQ\n>b\nMKTAYIAKQRQISFVKSHFSRQMKTAYIAKQRQISFVKSHFSRQMKTAYIAKQRQISFVKSHFSRQ\n' >q.fasta
fold q.fasta -o out --steps 3 >/dev/null
cp -r out first
: >log # there before it is looked into
of3 predict q.fasta -c ob.safetensors -n 2 -r 0 --log info --steps 500 -o out -j 1 >/dev/null 2>>log &
pid=$!
tries=0
until grep -q '^b seed 42.*: diffusion' log; do
  tries=$((tries + 1))
  [ $tries -lt 1200 ] || fail "it never came to b: $(cat log)"
  sleep 0.05
done
grep -q INCOMPLETE out/summary.txt || fail "a running run is called complete"
kill -TERM $pid
code=0
wait $pid || code=$?
echo "exit $code"
sed -n '3p;5,7p' out/summary.txt | sed -n '1,4p'
cut -f1-3 out/ranking.tsv
for s in 1 2; do # scores in the table are those of the files
  score=$(sed -n 's/.*"sample_ranking_score": \(.*\),/\1/p' out/a/seed_42/a_seed_42_sample_${s}_confidences_aggregated.json)
  grep -q "^a	[12]	42	$s	$score	" out/ranking.tsv || fail "the table has no score $score of sample $s"
done
best=$(sed -n 2p out/ranking.tsv | cut -f12)
cmp "out/$best" out/a/a_best_model.cif
cmp out/b/b_best_model.cif first/b/b_best_model.cif
diff -r out/b/seed_42 first/b/seed_42

echo "# a run that fails keeps the good one"
rm -rf out
fold MKTAY -o out --steps 2 >/dev/null
cp -r out first5
run fold MKTAY -o out --steps 2 --overwrite --seeds 42 -f pdb | sed -E 's/coordinate -?[0-9.]+ of atom [0-9]+/coordinate X of atom N/'
diff -r out/query first5/query
cmp out/ranking.tsv first5/ranking.tsv

echo "# a later seed does not forget earlier ones"
rm -rf out
for s in 2 3 1; do fold MKTAYIAKQR -s $s -o out --steps 5 >/dev/null; done
fold MKTAYIAKQR -s 1,2,3 -o together --steps 5 >/dev/null
cmp out/ranking.tsv together/ranking.tsv
cmp out/query/query_best_model.cif together/query/query_best_model.cif
cut -f1-4 out/ranking.tsv | wc -l | tr -d ' '
echo "# nor a later query earlier ones; of another query, results do not stay"
fold q.fasta -o out --steps 3 >/dev/null
cut -f1 out/ranking.tsv | uniq -c | awk '{ print $1, $2 }'
fold MKTAYIAKQR -s 1 -o out --steps 4 >/dev/null
cut -f1,3 out/ranking.tsv | uniq -c | awk '{ print $1, $2, $3 }'
of3 info ob.safetensors >/dev/null
grep -A 2 '"seeds"' out/inference_query_set.json

echo "# what killed runs left is gone, also with --overwrite"
mkdir -p out/.of3-new/new_42.query
: >out/.of3-new/new_42.query/query_seed_42_sample_1_model.cif.tmp-0123456789abcdef
: >out/ranking.tsv.tmp-12
: >out/query/query_best_model.cif.tmp-12
: >out/mine.tmp-12
fold MKTAYIAKQR -s 1 -o out --steps 4 --overwrite >/dev/null
find out -name '*.tmp-*'
[ ! -e out/.of3-new ] || fail "the stage is there"

echo "# a file size limit"
if ($(command -v bash) -c 'ulimit -f 1') 2>/dev/null; then
  (ulimit -f 1 && fold MKTAY -o limit --steps 1 >/dev/null 2>&1) 2>/dev/null && fail "it had no limit"
  fold MKTAY -o limit --steps 1 >/dev/null
  no_leftovers limit
  [ ! -e limit/.of3-new ] || fail "the stage is there"
fi

echo "# a query called like a temporary file of the run stays in the ranking; what of3 calls its own is refused"
printf '>summary.txt.tmp-12\nMKT\n' >odd.fasta
fold odd.fasta -o odd --steps 2 >/dev/null
fold MKTAY -o odd --steps 2 >/dev/null
cut -f1 odd/ranking.tsv | uniq
printf '>.OF3-lock.1\nMKT\n' >odd.fasta
run fold odd.fasta -o odd --steps 2
