# hhblits itself, on a database that is made here.
for p in hhblits hhmake ffindex_build ffindex_apply; do command -v $p >/dev/null || skip "$p is not installed (package hhsuite)"; done
cstranslate=$(ls /usr/libexec/hhsuite/cstranslate-plain 2>/dev/null || command -v cstranslate) || skip "cstranslate is not installed"
. "$fixtures/../cli/programs/search_data.sh"
mkdir clusters
awk '/^>/ {n++; h = $0; getline s; printf "%s\n%s\n", h, s >("clusters/c" int(n / 10) ".a3m")}' "$demo/ubiquitin/colabfold_main.a3m"
ffindex_build -s db_a3m.ffdata db_a3m.ffindex clusters
ffindex_apply db_a3m.ffdata db_a3m.ffindex -i db_hhm.ffindex -d db_hhm.ffdata -- hhmake -i stdin -o stdout -v 0 >/dev/null 2>&1
$cstranslate -f -x 0.3 -c 4 -I a3m -i db_a3m -o db_cs219 >/dev/null 2>&1
printf 'databases:\n  - {name: bfd, path: [db, db]}\n' >databases.yaml
search -o out
hhblits -v 1 -i hand/u.fa -cpu 1 -oa3m hand/u.a3m -o /dev/null -n 3 -e 0.001 -realign_max 100000 -maxfilt 100000 -min_prefilter_hits 1000 -p 20 -Z 500 -d db -d db 2>/dev/null
cmp hand/u.a3m "out/main/$of_u/bfd_uniref_hits.a3m" && echo "equal, $(grep -c '>' hand/u.a3m) rows"
of3 inputs out/query_msa.json | grep -E '^[a-z]|protein|rna|error' | cut -c1-78
