# The features window.
cp -r "$demo/ubiquitin.json" "$demo/ubiquitin" .
run of3 features ubiquitin.json --out f.safetensors --log error
head -c 8 f.safetensors | wc -c | tr -d ' '
printf '>a\nMKTAY\n>b\nMKTAYIA\n' >q.fasta
run of3 features q.fasta --out g.safetensors
run of3 features q.fasta --query c --out g.safetensors
run of3 features q.fasta --query b --variant P1 --out g.safetensors --log info
run of3 features q.fasta --query b --conformers ob.safetensors --out h.safetensors
[ ! -e h.safetensors ] || fail "a file was written"
run of3 features q.fasta --query b --conformers missing.safetensors --out h.safetensors
# the seed moves the conformers and nothing else depends on the run
for s in 42 43; do of3 features MKTAY --seed $s --out s$s.safetensors --log error; done
of3 features MKTAY --out default.safetensors --log error
cmp s42.safetensors default.safetensors
if cmp -s s42.safetensors s43.safetensors; then fail "seed 43 gives the conformers of seed 42"; fi
