# Formats of structures and confidences; seeds.
run_in() { # run_in FOLDER ARGS...
  folder=$1
  shift
  echo "# $*"
  of3 predict MKTAY -c ob.safetensors -o "$folder" --samples 1 --recycles 0 --steps 40 --log error "$@" >shown
  files "$folder/query"
}
run_in plain
run_in gz --format cif.gz
gzip -dc gz/query/seed_42/query_seed_42_sample_1_model.cif.gz | cmp - plain/query/seed_42/query_seed_42_sample_1_model.cif
run_in pdb --format pdb
awk '/^(ATOM|HETATM)/ { n++ } END { print n, "atoms" }' pdb/query/query_best_model.pdb
run_in npz --confidences npz
run_in none --confidences none
run_in seeds --confidences none --seeds 7,0,9223372036854775807
run_in model_seeds --confidences none --num-model-seeds 3

echo "# PDB cannot hold this"
cat >q.json <<END
{"queries": {"q": {"chains": [{"molecule_type": "protein", "chain_ids": ["heavy"], "sequence": "MKT"}]}}}
END
run quick q.json -c ob.safetensors -o bad --format pdb
