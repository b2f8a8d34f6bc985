# Files of other formats are written from what is there: without computing, and with the bytes of a new run.
S=MKTAYIAKQRQISFVKSHFSRQ
fold() { of3 predict "$@" -c ob.safetensors -n 2 -r 0 --steps 100 -s 1,2; }
pairs="cif:json cif.gz:npz pdb:npz32 cif:none"
# PDB files hold coordinates up to 9999: those of this network are near enough after 100 steps.
for p in $pairs; do fold $S -o "fresh_$p" -f "${p%:*}" --confidences "${p#*:}" --log error >/dev/null; done
for a in $pairs; do
  for b in $pairs; do
    rm -rf out
    cp -r "fresh_$a" out
    fold $S -o out -f "${b%:*}" --confidences "${b#*:}" >shown 2>&1 || fail "$a to $b: $(cat shown)"
    if [ "$a" = "$b" ]; then wanted=complete; else wanted=written; fi
    [ "$(grep -c ": $wanted from" shown)" = 2 ] || fail "$a to $b: $(cat shown)"
    grep -q ': diffusion' shown && fail "$a to $b was computed: $(cat shown)"
    same_results out "fresh_$b"
  done
done
echo "# a file that is broken or gone, too"
rm out/query/seed_1/query_seed_1_sample_1_model.cif
printf x >>out/query/seed_2/query_seed_2_sample_2_model.cif
fold $S -o out --confidences none 2>&1 | grep -E 'again|written' | sed 's|has [0-9]* bytes instead of [0-9]*|has another number of bytes|'
same_results out fresh_cif:none
echo "# what others put there stays"
echo mine >out/query/seed_1/mine.txt
fold $S -o out --log error >/dev/null
rm out/query/seed_1/mine.txt
same_results out fresh_cif:json
echo "# the other style of mmCIF, too"
fold $S -o reference --cif-style reference --log error >/dev/null
fold $S -o out --cif-style reference 2>&1 | grep -c ': written from'
same_results out reference
echo "# a file that cannot be: the results stay"
of3 predict MKTAY -c ob.safetensors -n 1 -r 0 --steps 2 --log error -o far >/dev/null
cp -r far/query before
run of3 predict MKTAY -c ob.safetensors -n 1 -r 0 --steps 2 --log error -o far -f pdb | sed -E 's/coordinate -?[0-9.]+ of atom [0-9]+/coordinate X of atom N/'
diff -r before far/query
echo "# without a record it is computed again"
of3 predict MKTAY -c ob.safetensors -n 1 -r 0 --steps 2 --log error -o none --no-record >/dev/null
[ ! -e none/query/seed_42/of3_record.bin ] || fail "there is a record"
of3 predict MKTAY -c ob.safetensors -n 1 -r 0 --steps 2 -o none --confidences npz 2>&1 | grep again
echo "# and so is what has a damaged one"
printf x >>far/query/seed_42/of3_record.bin
of3 predict MKTAY -c ob.safetensors -n 1 -r 0 --steps 2 -o far --confidences npz 2>&1 | grep again | sed 's|has [0-9]* bytes instead of [0-9]*|has another number of bytes|'
