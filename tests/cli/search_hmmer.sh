# HMMER itself: what of3 search makes is what its programs make when they are called by hand as OpenFold3's workflow does.
for p in jackhmmer nhmmer hmmsearch hmmbuild hmmalign; do command -v $p >/dev/null || skip "$p is not installed (package hmmer)"; done
. "$fixtures/../cli/programs/search_data.sh"
cat >databases.yaml <<'END'
databases:
  - {name: uniref90, path: db.fasta}
  - {name: uniprot, path: db.fasta, rows: 20}
  - {name: rfam, path: rna.fasta}
  - {name: pdb_seqres, path: pdb.fasta}
END
search -o out
echo "# jackhmmer"
jackhmmer -o /dev/null -A hand/u.sto --noali -N 1 -E 0.0001 --incE 0.0001 --F1 0.0005 --F2 0.00005 --F3 0.0000005 --cpu 1 hand/u.fa db.fasta
grep -vE '^#=GR|^#=GC PP|^#=GF' hand/u.sto >hand/u90.sto
same hand/u90.sto "out/main/$of_u/uniref90_hits.sto"
awk '!/^#/ && NF == 2 {print $1}' hand/u.sto | head -n 20 | sort >hand/names
awk '!/^#/ && NF == 2 {print $1}' "out/main/$of_u/uniprot_hits.sto" | sort -u | cmp - hand/names && echo "the first 20 rows"
echo "# nhmmer, hmmalign"
hmmbuild --rna hand/n.hmm hand/n.fa >/dev/null
nhmmer -o /dev/null -E 0.001 --incE 0.001 --rna --watson --F3 0.00005 -A hand/n.sto --cpu 1 hand/n.fa rna.fasta
{ cat hand/n.fa; awk '!/^#/ && NF == 2 {gsub(/[^A-Za-z]/, "", $2); s[$1] = s[$1] $2; if (!($1 in at)) {at[$1] = ++n; name[n] = $1}}
  END {for (i = 1; i <= n; i++) printf ">%s\n%s\n", name[i], s[name[i]]}' hand/n.sto; } >hand/n_hits.fa
hmmalign -o hand/n_hits.sto hand/n.hmm hand/n_hits.fa
same hand/n_hits.sto "out/main/$of_n/rfam_hits.sto"
echo "# hmmsearch"
hmmbuild --hand --amino hand/u.hmm "out/main/$of_u/uniref90_hits.sto" >/dev/null
hmmsearch -o /dev/null --noali --F1 0.1 --F2 0.1 --F3 0.1 -E 100 --incE 100 --domE 100 --incdomE 100 -A hand/t.sto hand/u.hmm pdb.fasta
awk '!/^#/ && NF == 2 {print $1}' hand/t.sto | sort -u >hand/names
awk '!/^#/ && NF == 2 && $1 != "query_A" {print $1}' "out/template/$of_u/hmm_output.sto" | sort -u | cmp - hand/names && echo "the same $(grep -c . hand/names) hits"
sed -n 3,4p "out/template/$of_u/hmm_output.sto" | tr -s ' '
echo "# What of3 reads"
of3 inputs out/query_msa.json | grep -E '^[a-z]|^  (protein|rna)|error' | cut -c1-78
