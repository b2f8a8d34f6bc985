# The same bytes for 1, 2 and 4 threads, with every instruction set and every variant.
cat >q.json <<END
{"queries": {"two": {"chains": [
  {"molecule_type": "protein", "chain_ids": ["A", "B"], "sequence": "MQIFVKTLTGKTITLEV", "main_msa_file_paths": "m.a3m"},
  {"molecule_type": "protein", "chain_ids": "C", "sequence": "GGWAY"}]}}}
END
printf '>q\nMQIFVKTLTGKTITLEV\n>r\nMQI-VKSLTGaKTITVEV\n>s\n-QIFIKTLSGRTIT---\n' >m.a3m
variants="p1 p2 ob" threads="1 2 4"
isas=$(of3 info --cpu | sed -n 's/^instruction sets *\(.*\) (.*/\1/p')
if short; then variants=ob threads="1 4" isas=${isas%% *}; fi # threads are shared out in the same way for all
[ -n "$isas" ] || fail "no instruction sets"
# what is said to be chosen is what computes
chosen=$(of3 info --cpu | sed -nE 's/^instruction sets.*chosen: ([a-z0-9]+), with bf16 ([a-z0-9]+).*/\1 \2/p')
said=$(for type in f32 bf16; do
  of3 predict MKT -c ob.safetensors -o $type --backend cpu --dtype $type --samples 1 --recycles 0 --steps 1 2>&1 |
    sed -nE 's/^of3 [0-9.]+: cpu-([a-z0-9]+) on .*/\1/p'
done | paste -sd ' ' -)
[ "$chosen" = "$said" ] || fail "said to be chosen: '$chosen', computing: '$said'"
for v in $variants; do
  for isa in $isas; do
    for t in $threads; do
      quick q.json -c $v.safetensors -o $v-$isa-$t --isa $isa --threads $t >shown
      same_results $v-$isa-1 $v-$isa-$t
    done
  done
done
# and of bf16; a bf16 file is used where it lies
of3 convert ob.safetensors half.safetensors --dtype bf16 >shown
for isa in $isas; do
  for t in 1 3; do quick q.json -c half.safetensors -o half-$isa-$t --isa $isa --threads $t --dtype bf16 >shown; done
  same_results half-$isa-1 half-$isa-3
done
echo "equal"
if ! short; then
  of3 predict "$demo/ubiquitin.json" -c "$demo/of3-demo.safetensors" -o demo-1 -t 1 -n 2 -r 1 --steps 4 --log error >shown
  of3 predict "$demo/ubiquitin.json" -c "$demo/of3-demo.safetensors" -o demo-3 -t 3 -n 2 -r 1 --steps 4 --log error >shown
  same_results demo-1 demo-3
fi
echo "equal"
# a sample does not depend on how many there are, nor on what else is in the file
quick q.json -c ob.safetensors -o few >shown
of3 predict q.json -c ob.safetensors -o more --samples 4 --recycles 1 --steps 3 --log error >shown
for k in 1 2; do cmp few/two/seed_42/two_seed_42_sample_${k}_model.cif more/two/seed_42/two_seed_42_sample_${k}_model.cif; done
echo "equal"
