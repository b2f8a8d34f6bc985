# More memory than there is.
sizes() { sed -E 's/[0-9.]+ MB/(size)/g'; }
sizes_off() {
  code=0
  quick "$@" >shown 2>&1 || code=$?
  sizes <shown
  return $code
}
run sizes_off "$UBIQUITIN" -c ob.safetensors -o out --max-memory 1MB
[ ! -e out/query ] || fail "something was computed"
sed 's/^Timestamp: [0-9: -]*$/Timestamp: (time)/' out/logs/predict_err_rank0.log | sizes
echo "# the least that is named suffices, and gives the same"
long=$UBIQUITIN$UBIQUITIN$UBIQUITIN$UBIQUITIN
least=$(quick "$long" -c ob.safetensors -o thrifty --max-memory 1MB 2>&1 | sed -nE 's/.*at least ([0-9.]+) ([MG]B) of.*/\1\2/p')
[ -n "$least" ] || fail "no least is named"
of3 predict "$long" -c ob.safetensors -o thrifty --samples 2 --recycles 1 --steps 3 --max-memory "$least" >shown 2>&1
sed -n 's/.*query: \(takes longer.*\):.*/\1/p' shown
quick "$long" -c ob.safetensors -o fast >shown
rm -r thrifty/logs # of the failure
same_results fast thrifty
echo "# an alignment is measured before it is read"
awk -v s="$UBIQUITIN" 'BEGIN { for (i = 0; i < 1500000; i++) print ">" i "\n" s }' >deep.a3m
cat >deep.json <<END
{"queries": {"deep": {"chains": [{"molecule_type": "protein", "chain_ids": ["A"], "sequence": "$UBIQUITIN", "main_msa_file_paths": ["deep.a3m"]}]}}}
END
run quick deep.json -c ob.safetensors -o deep --max-memory 70MB
rm deep.a3m
echo "# and so is a query file"
awk 'BEGIN { printf "{\"queries\": ["; for (i = 0; i < 400000; i++) printf "[],"; print "[]]}" }' >many.json
run quick many.json -c ob.safetensors -o many --max-memory 70MB
awk 'BEGIN { for (i = 0; i < 90000; i++) print ">" i "\nMKT" }' >many.fasta
run quick many.fasta -c ob.safetensors -o many --max-memory 70MB
rm many.json many.fasta
echo "# allocations that fail"
case $(nm "$(command -v of3)" 2>/dev/null | grep -c __asan_init) in
0)
  for mb in 20 30 40 60 100; do
    code=0
    (ulimit -v $((mb * 1024)) && of3 predict "$UBIQUITIN$UBIQUITIN" -c ob.safetensors -o out2 --samples 50 -t 1 --steps 2 --log error) >shown 2>&1 || code=$?
    case $code in
    0) ;;
    1) [ "$(wc -l <shown)" = 1 ] || fail "not one sentence with $mb MB: $(cat shown)" ;;
    127) ;; # the loader itself found no memory
    *) fail "exit code $code with $mb MB: $(cat shown)" ;;
    esac
  done
  # A plan takes no memory for what it plans: pairs of 30,000 tokens would be gigabytes.
  printf '>vast\n%030000d\n' 0 | tr 0 M >vast.fasta
  (ulimit -v 2000000 && run sizes_off vast.fasta -c ob.safetensors -o out3 -t 1) >vast.txt
  grep -q '30000 tokens and 2 samples need at least' vast.txt || fail "$(cat vast.txt)"
  ;;
esac
no_leftovers .
echo "as it should be"
