# A stack of 128 KB is enough, for threads too (they get as much as the first one).
[ -z "${OF3_EMULATOR:-}" ] || skip "the emulator needs a larger stack"
[ "$(nm "$(command -v of3)" 2>/dev/null | grep -c __asan_init)" = 0 ] || skip "the sanitizer needs a larger stack"
ulimit -s 128
quiet() { # quiet COMMAND...: its output is shown only if it fails
  "$@" >shown 2>&1 || fail "$* ended with $?: $(cat shown)"
}
quiet of3 info ob.safetensors
quiet of3 info --cpu
quiet of3 help predict
quiet of3 convert ob.safetensors bf16.safetensors --dtype bf16
for f in flat protocol4 ordered; do of3 info "$fixtures/io/$f.pt" >shown 2>&1 || [ $? = 1 ] || fail "$f.pt: $(cat shown)"; done
for q in a3m sto npz letters; do
  quiet of3 features "$fixtures/features/$q.json" --out features
done
quiet quick "$UBIQUITIN" -c ob.safetensors -o out -t 4
quiet quick "$UBIQUITIN" -c p1.safetensors -o p1 -t 3 --dtype bf16 --format cif.gz --confidences npz
quiet quick "$UBIQUITIN" -c p2.safetensors -o p2 -t 2 --format cif.gz --confidences npz32
printf '>a\nMKT\n>b\nMKTA\n>c\nMKTAY\n' >three.fasta
quiet quick three.fasta -c ob.safetensors -o three -t 3 --jobs 3
quiet of3 bench -c ob.safetensors --tokens 9 --passes 1 --steps 1 -t 2
echo "# values nested in each other"
awk 'BEGIN { for (i = 0; i < 2000; i++) printf "["; for (i = 0; i < 2000; i++) printf "]" }' >arrays.json
awk 'BEGIN { for (i = 0; i < 2000; i++) printf "{\"queries\":"; printf "1"; for (i = 0; i < 2000; i++) printf "}" }' >objects.json
for f in arrays objects; do run quick $f.json -c ob.safetensors -o out; done
(
  printf '\220\037\000\000\000\000\000\000'
  awk 'BEGIN { printf "{\"a\":"; for (i = 0; i < 4038; i++) printf "["; for (i = 0; i < 4037; i++) printf "]" }'
) >deep.safetensors
run of3 info deep.safetensors
