# Databases for searches with real programs, of the sequences in ubiquitin's alignment: db.fasta, pdb.fasta, rna.fasta, and
# query.json. hand: where files go that are made by hand.
export OF3_CACHE=
U=MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG
N=GCCUAGAUGGCGAUACCGUCAGGAUCCAUGCUGAGGCUUACGUAGCUAGGCAUCGAUUACG
mkdir hand
tr -d 'a-z-' <"$demo/ubiquitin/colabfold_main.a3m" | awk -F'[> ]' '
  /^>/ {n++; getline s; if (n > 1) printf ">tr|Q%04d|Q%04d_SP%d text OS=Species %d\n%s\n", n, n, n % 7, n % 7, s}' >db.fasta
awk '/^>/ {n++; getline s; if (n % 10 == 1) printf ">%dabc_A mol:protein length:%d  NAME %d\n%s\n", n / 10 + 1, length(s), n, s}' db.fasta >pdb.fasta
{ echo ">r1"; echo "AAAACC${N}GGUUAA"; echo ">r2"; echo "CC$(echo $N | sed 's/GAU/GAA/g')UU"; echo ">r3"; echo "ACGUACGUACGUACGUACGAAAACCCCUUUUGGGG"; } >rna.fasta
cat >query.json <<END
{"queries": {
  "u": {"chains": [{"molecule_type": "protein", "chain_ids": ["A"], "sequence": "$U"}, {"molecule_type": "rna", "chain_ids": ["R"], "sequence": "$N"}]},
  "none": {"chains": [{"molecule_type": "protein", "chain_ids": ["A"], "sequence": "WWWWWPPPPPWWWWWPPPPPWWWWW"}, {"molecule_type": "rna", "chain_ids": ["R"], "sequence": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}}}
END
printf '>query\n%s\n' "$U" >hand/u.fa
printf '>query\n%s\n' "$N" >hand/n.fa
of_u=$(printf %s "$U" | sha256sum | cut -c1-64)
of_n=rna-$(printf %s "$N" | sha256sum | cut -c1-64)
search() { of3 search query.json -d databases.yaml -t 2 --log error "$@" 2>&1 | sed -E 's/[0-9.]+ s$/(time)/'; }
# same A B: the rows of two alignments are equal, whatever is said about them besides.
same() { grep -vE '^#=GF|^# STOCK' "$1" >hand/one && grep -vE '^#=GF|^# STOCK' "$2" >hand/two && cmp hand/one hand/two && echo "equal, $(grep -c '[^ ]' hand/one) lines"; }
