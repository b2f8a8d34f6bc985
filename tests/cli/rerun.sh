# A re-run recomputes what is missing, broken or made from something else, and nothing else.
printf '>a\nMKTAY\n>b\nMKTAYIA\n' >q.fasta
again() { # again TITLE ARGS...: how many folds were kept
  echo "# $1"
  shift
  of3 predict q.fasta -o out --recycles 1 --seeds 1,2 "$@" >shown 2>&1
  echo "kept $(grep -c ': complete from an earlier run' shown | head -n 1) of 4"
  grep -E '(computing|writing) again' shown | sed 's|has [0-9]* bytes instead of [0-9]*|has another number of bytes|' || true
}
base="-c ob.safetensors --samples 2 --steps 3"
again "first" $base
cp -r out first
again "nothing changed" $base
same_results out first
rm out/a/seed_1/a_seed_1_sample_2_model.cif
again "a file is missing" $base
same_results out first
printf x >>out/b/seed_2/b_seed_2_sample_1_confidences.json
again "a file is broken" $base
same_results out first
echo '{}' >out/b/seed_1/of3_run.json
again "the list of files is broken" $base
same_results out first
rm out/ranking.tsv out/summary.txt out/a/a_best_model.cif
again "files of the whole run are missing" $base
same_results out first
again "overwrite" $base --overwrite
same_results out first
again "other threads" $base --threads 1
again "another option" -c ob.safetensors --samples 2 --steps 4
again "another sampler" -c ob.safetensors --samples 2 --steps 4 --sampler ode
again "the same by its short name" -c ob.safetensors --samples 2 --steps 4 --quick --step-scale 1.5
again "another scale" -c ob.safetensors --samples 2 --steps 4 --quick --step-scale 1.25
grep -o '"\(sampler\|steps\|noise_scale\|step_scale\)": [^,]*' out/experiment_config.json
again "another checkpoint" -c p2.safetensors --samples 2 --steps 4
printf '>a\nMKTAC\n>b\nMKTAYIA\n' >q.fasta
again "another query" -c p2.safetensors --samples 2 --steps 4

# What an earlier run wrote and this one does not is gone; what others put there stays.
echo mine >out/a/seed_1/a_seed_1_sample_2_model.txt
again "fewer samples, packed" -c p2.safetensors --samples 1 --steps 4 --format cif.gz --confidences none
files out/a

# A run of which nothing succeeds changes no results, and so not their ranking.
cp -r out before
quick q.fasta -c ob.safetensors -o out --max-memory 1MB >shown 2>&1 && fail "1 MB was enough"
tail -n 2 shown
cmp out/ranking.tsv before/ranking.tsv
same=$(diff -rq out/a before/a; diff -rq out/b before/b)
[ -z "$same" ] || fail "$same"
