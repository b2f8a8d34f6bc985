# One bad query among good ones: these are written, the exit code tells.
cat >q.json <<END
{"seeds": [3, 5], "queries": {
  "long": {"chains": [{"molecule_type": "protein", "chain_ids": ["A", "B"], "sequence": "MKTAYIAKQR"}]},
  "bad": {"chains": [{"molecule_type": "protein", "chain_ids": "A", "sequence": "MK7"}]},
  "lost": {"chains": [{"molecule_type": "protein", "chain_ids": "A", "sequence": "MKTA", "main_msa_file_paths": "long.a3m"}]},
  "short": {"chains": [{"molecule_type": "protein", "chain_ids": "A", "sequence": "MKTAY"}]}
}}
END
printf '>q\nMKTAA\n' >long.a3m
quick q.json -c ob.safetensors -o out >shown 2>errors || echo "exit $?"
cat errors
untimed <shown | sed 's/(seed [0-9]*, /(seed (s), /'
cat out/summary.txt
files out
cut -f 1,2,3,4 out/ranking.tsv | awk 'NR == 1 || $1 != last { print $1, $2 } { last = $1 }'
grep -A 3 '"seeds"' out/inference_query_set.json
