# Settings of a run as a file.
export OPENFOLD_CACHE=cache
cat >run.yml <<'END'
experiment_settings: {seeds: [3], output_dir: out}
model_update: {presets: [predict], custom: {architecture: {shared: {num_recycles: 0, diffusion: {no_full_rollout_samples: 1, no_full_rollout_steps: 2}}}}}
output_writer_settings: {structure_format: cif.gz, write_full_confidence_scores: false}
data_module_args: {num_workers: 4}
END
of3 predict MKTAYIAK -c ob.safetensors --runner-yaml run.yml --log warn >said || fail "$(cat said)"
files out/query/seed_3
# the command line counts more
of3 predict MKTAYIAK -c ob.safetensors --runner-yaml run.yml --seeds 4,5 --format cif -o other --log warn >said || fail "$(cat said)"
files other/query/seed_4
# the user's cache counts less; what is refused names the file
mkdir cache
echo 'experiment_settings: {seeds: [7, 8], output_dir: third}' >cache/runner.yml
of3 predict MKTAYIAK -c ob.safetensors --runner-yaml run.yml --seeds 9 --log warn >said || fail "$(cat said)"
ls out/query
echo 'pl_trainer_args: {devices: 4}' >cache/runner.yml
run of3 predict MKTAYIAK -c ob.safetensors
run of3 features MKTAYIAK --settings run.yml --out f.safetensors
rm -r cache
printf 'dataset_config_kwargs:\n  msa:\n    max_row: 3\n' >bad.yml
run of3 features MKTAYIAK --settings bad.yml --out f.safetensors
echo 'experiment_settings: {use_msa_server: true}' >server.yml
echo 'msa_computation_settings: {server_url: nonsense}' >>server.yml
run of3 predict MKTAYIAK -c ob.safetensors -o served --runner-yaml server.yml --log error
# settings of alignments and templates are among what a result is made from
echo 'dataset_config_kwargs: {msa: {max_rows: 5}}' >rows.yml
quick MKTAYIAK -c ob.safetensors -o keyed >said
of3 predict MKTAYIAK -c ob.safetensors -o keyed --samples 2 --recycles 1 --steps 3 --log info >said 2>&1 || fail
grep -c 'complete from an earlier run' said
of3 predict MKTAYIAK -c ob.safetensors -o keyed --samples 2 --recycles 1 --steps 3 --runner-yaml rows.yml --log info >said 2>&1 || fail
grep -c 'computing again' said
# so are the structures that hits name
t=$fixtures/templates
mkdir structures
cp "$t/structures/1aaa.cif" structures
cp "$t/five.json" "$t/five.a3m" .
folds() { of3 predict five.json --structures structures -c ob.safetensors -o templates --samples 1 --recycles 0 --steps 1 --log info >said 2>&1 || fail; }
folds
folds
grep -c 'complete from an earlier run' said
sed 's/2001-01-01/2001-01-02/' "$t/structures/1aaa.cif" >structures/1aaa.cif
folds
grep -c 'computing again' said
# a cache of templates is written once, and used
echo 'template_preprocessor_settings: {structure_directory: structures, cache_directory: made/caches}' >cache.yml
for k in 1 2; do
  of3 features five.json --settings cache.yml --out f$k.safetensors --log info >said 2>&1 || fail
  grep -c 'taken from the cache' said || true
done
cmp f1.safetensors f2.safetensors
ls made/caches
