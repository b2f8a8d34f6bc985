# Wrong options: one sentence, short usage, exit 2.
run of3 fold
run of3 predict
run of3 predict AAAA
run of3 predict AAAA -c ob.safetensors --sample 3
run of3 predict AAAA -c ob.safetensors -x
run of3 predict AAAA -c ob.safetensors --samples
run of3 predict AAAA -c ob.safetensors --samples 0
run of3 predict AAAA -c ob.safetensors --num_diffusion_samples=three
run of3 predict AAAA -c ob.safetensors --steps 3 --steps 4
run of3 predict AAAA -c ob.safetensors --sampler euler
run of3 predict AAAA -c ob.safetensors --sampler reference --quick
run of3 predict AAAA -c ob.safetensors --step-scale 11
run of3 predict AAAA -c ob.safetensors --noise-scale 1,5
run of3 predict AAAA -c ob.safetensors --noise-scale=-1
run of3 predict AAAA -c ob.safetensors --step-scale 0 --log error
run of3 predict AAAA -c ob.safetensors --quick --noise-scale 1 --log error
run of3 predict AAAA -c ob.safetensors --checkpoint p1.safetensors
run of3 predict AAAA -c ob.safetensors --seeds 1,2,1
run of3 predict AAAA -c ob.safetensors --seeds 1,,2
run of3 predict AAAA -c ob.safetensors --seeds -1
run of3 predict AAAA -c ob.safetensors --seeds 1 --num-model-seeds 2
run of3 predict AAAA -c ob.safetensors --format mmtf
run of3 predict AAAA -c ob.safetensors --dtype f16
run of3 predict AAAA -c ob.safetensors --backend rocm
run of3 predict AAAA -c ob.safetensors --backend mlx --isa avx2
run of3 predict AAAA -c ob.safetensors --isa mmx
run of3 predict AAAA -c ob.safetensors --backend cpu --device 1
run of3 predict AAAA -c ob.safetensors --device -1
run of3 predict AAAA -c ob.safetensors --threads 99999
run of3 predict AAAA -c ob.safetensors --max-memory lots
run of3 predict AAAA -c ob.safetensors --overwrite=yes
run of3 predict AAAA BBBB -c ob.safetensors
run of3 predict AAAA --inference-ckpt-path missing.pt
run of3 predict --query_json missing.json -c ob.safetensors
run of3 predict missing.json -c ob.safetensors
run of3 predict AAAA --inference-ckpt-name openfold3-p2-155k
run of3 predict MKTAYIAK -c ob.safetensors --server-url nonsense --log error
run of3 predict AAAA -c ob.safetensors --use_templates maybe
run of3 predict AAAA -c ob.safetensors --use_tf32 true
echo "pl_trainer_args: {devices: 4}" >runner.yml
run of3 predict AAAA -c ob.safetensors --runner-yaml runner.yml
run of3 convert ob.safetensors
run of3 convert ob.safetensors out.safetensors --dtype f64
run of3 features AAAA
run of3 features AAAA --variant P3 --out f.safetensors
run of3 info a b

# What the reference accepts and means the same here is taken.
echo '{"queries": {"a": {"chains": [{"molecule_type": "protein", "chain_ids": "A", "sequence": "MKT"}]}}}' >q.json
of3 predict --query_json=q.json --inference_ckpt_path ob.safetensors --num_diffusion_samples 1 --num_model_seeds 2 \
  --use_msa_server=False --use-templates no --use_tf32 off --output_dir out --num_steps 2 --num-recycles 0 --log=error >shown
files out/a
OF3_CHECKPOINT=p1.safetensors of3 predict MKT -o env -n 1 -r 0 --steps 2 --log error >shown
files env/query
