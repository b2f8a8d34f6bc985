# MMseqs2 itself: what of3 search makes is what its programs make when they are called by hand as ColabFold does; species of real
# headers are paired.
command -v mmseqs >/dev/null || skip "mmseqs is not installed (package mmseqs2)"
. "$fixtures/../cli/programs/search_data.sh"
cat >databases.yaml <<'END'
databases:
  - {name: first, path: db.fasta, kind: protein, program: mmseqs}
  - {name: second, path: pdb.fasta, kind: protein, program: mmseqs}
  - {name: uniprot, path: db.fasta, program: mmseqs}
  - {name: pdb, path: pdb.fasta, kind: structures, program: mmseqs}
END
search -o out
cd hand
by_hand() { mmseqs "$@" -v 1 >/dev/null; }
{ cat u.fa; printf '>none\nWWWWWPPPPPWWWWWPPPPPWWWWW\n'; } >both.fa
for f in db pdb; do by_hand createdb ../$f.fasta $f; done
by_hand createdb both.fa qdb --shuffle 0
msa() { # msa QUERY TARGET: the alignments, MSA_TARGET/0 and /1
  by_hand search "$1" "$2" "res_$2" "tmp_$2" --num-iterations 3 --db-load-mode 0 -a -e 0.1 --max-seqs 10000 --k-score seq:96,prof:80 --threads 2
  by_hand filterresult qdb "$2" "res_$2" "filter_$2" --db-load-mode 0 --qid 0 --qsc 0.8 --diff 0 --max-seq-id 1.0 --filter-min-enable 100
  by_hand result2msa qdb "$2" "filter_$2" "out_$2" --msa-format-mode 6 --db-load-mode 0 --filter-msa 1 --filter-min-enable 1000 --diff 3000 \
    --qid 0.0,0.2,0.4,0.6,0.8,1.0 --qsc 0 --max-seq-id 0.95
  mkdir "msa_$2"
  by_hand unpackdb "out_$2" "msa_$2" --unpack-name-mode 0 --unpack-suffix ''
}
msa qdb db
by_hand mvdb tmp_db/latest/profile_1 prof
by_hand lndb qdb_h prof_h
msa prof pdb
by_hand search prof pdb res_t tmp_t --db-load-mode 0 -a -e 0.1 -s 7.5
by_hand convertalis prof pdb res_t hits.m8 --format-output query,target,fident,alnlen,mismatch,gapopen,qstart,qend,tstart,tend,evalue,bits,cigar
cd ..
echo "# Two databases one after the other"
for n in 0; do cat hand/msa_db/$n hand/msa_pdb/$n; done | tr -d '\0' | sed 's/^>query/>101/' | cmp - "out/main/$of_u/colabfold_main.a3m" && echo equal
grep -c '>' "out/main/$of_u/colabfold_main.a3m"
echo "# Whole names for pairing"
tr -d '\0' <hand/msa_db/0 | grep -v '>' >hand/rows
grep -v '>' "out/main/$of_u/uniprot_hits.a3m" | cmp - hand/rows && echo "equal rows"
sed -n '3p; $!d' "out/main/$of_u/uniprot_hits.a3m"
[ "$(grep -c '_SP[0-9]/' "out/main/$of_u/uniprot_hits.a3m")" = $(($(grep -c '>' hand/msa_db/0) - 1)) ] || fail "rows without species"
echo "# Templates"
sed -n 's/^query/101/p' hand/hits.m8 | cmp - "out/template/$of_u/colabfold_template.m8" && echo "equal, $(grep -c . hand/hits.m8) hits"
of3 inputs out/query_msa.json | grep -E '^[a-z]|^  (protein|rna)|error' | cut -c1-78
