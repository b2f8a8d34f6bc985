# What is shown holds no control bytes, whatever names hold; debug says more than info.
bad=$(printf 'no\033[2J\302\205\342\200\256\377 \303\251.pt')
missing() { of3 info "$bad"; }
run missing
weights() { quick MKT -c "$bad" -o out; }
run weights
command() { of3 "$(printf 'x\007y')"; }
run command
value() { of3 predict --steps "$(printf '1\r')" MKT -c ob.safetensors; }
run value
alignment() {
  printf '>q\nMKT\n>a\nMK\n' >"$(printf 'a\033b.a3m')"
  echo '{"queries": {"q": {"chains": [{"molecule_type": "protein", "chain_ids": "A", "sequence": "MKT", "main_msa_file_paths": "a\u001bb.a3m"}]}}}' >q.json
  quick q.json -c ob.safetensors -o out
}
run alignment
of3 predict MKTAY -c ob.safetensors -o "$(printf 'c\033[31m')" -n 1 -r 0 --steps 1 --log info >shown 2>&1
grep -c "$(printf '\033')" shown || true
grep 'all samples in' shown

echo "# debug"
printf '>q\nMKTAY\n>a\nMKTAF\n' >q.a3m
echo '{"queries": {"q": {"chains": [{"molecule_type": "protein", "chain_ids": "A", "sequence": "MKTAY", "main_msa_file_paths": "q.a3m"}]}}}' >q.json
of3 predict q.json -c ob.safetensors -o debug -n 1 -r 0 --steps 1 --log debug >shown 2>&1
sed -n -E '/^debug: .*(reference: |that the reference did|kernel)/d; /^debug: /{ s/[0-9]+(\.[0-9]+)?/N/g; s/(machine|memory|identity)[^;]*/\1 .../g; p; }' shown
of3 predict q.json -c ob.safetensors -o info -n 1 -r 0 --steps 1 --log info 2>&1 | grep -c '^debug' || true
