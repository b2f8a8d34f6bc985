# A disk that ignores case, as those of macOS and Windows do: two queries never share a folder, nothing is mixed.
shim=$work/bin/libpoor_disk.so
[ -e "$shim" ] && [ -z "${OF3_EMULATOR:-}" ] && LD_PRELOAD=$shim of3 --version >/dev/null 2>&1 || skip "no library can be loaded before the others"
fold() { POOR_DISK=nocase LD_PRELOAD=$shim of3 predict "$@" -c ob.safetensors -n 2 -r 0 --log error; }
POOR_DISK=nocase LD_PRELOAD=$shim of3 features MKT --out SEEN --log error
(POOR_DISK=nocase LD_PRELOAD=$shim of3 features MKTA --out seen --log error)
[ "$(ls)" = "$(printf 'SEEN\nob.safetensors\np1.safetensors\np2.safetensors')" ] || fail "the disk is none that ignores case: $(ls)"
upper=$(printf '\303\211cole') composed=$(printf '\303\251cole') decomposed=$(printf 'e\314\201cole')

echo "# in one file: refused, and the first one is there"
printf '>Prot\nMKTAY\n>prot\nMKTAYIAKQR\n>%s\nMKTAYI\n>%s\nMKTAYIA\n>%s\nMKTAYIAK\n' "$upper" "$composed" "$decomposed" >q.fasta
run fold q.fasta -o out --steps 2 | untimed
printf '>Prot\nMKTAY\n>%s\nMKTAYI\n' "$upper" >first.fasta
fold first.fasta -o alone --steps 2 >/dev/null
for q in Prot "$upper"; do
  same_results "out/$q" "alone/$q"
done
cmp out/ranking.tsv alone/ranking.tsv

echo "# one run after the other: refused, too, and nothing of the first run is lost"
cp -r alone before
printf '>prot\nMKTAYIAKQR\n>other\nMKTAYIAKQ\n>%s\nMKT\n' "$decomposed" >second.fasta
run fold second.fasta -o alone --steps 2 | untimed
for q in Prot "$upper"; do diff -r "alone/$q" "before/$q"; done
cut -f1 alone/ranking.tsv | uniq
[ -z "$(find alone -name '.of3*')" ] || fail "left: $(find alone -name '.of3*')"

echo "# the same again, other files, other seeds, other options: the files of one that knows case"
printf '>Prot\nMKTAY\n>q2\nMKTAYIAKQR\n' >q.fasta
plain() { of3 predict "$@" -c ob.safetensors -n 2 -r 0 --log error; }
for disk in fold plain; do
  $disk q.fasta -o $disk --steps 2 -s 1,2 >/dev/null
  echo mine >$disk/q2/seed_1/Mine.txt
  $disk q.fasta -o $disk --steps 3 -s 2,3 >/dev/null
  $disk q.fasta -o $disk --steps 3 -s 2,3 -f cif.gz --confidences npz >/dev/null
  $disk first.fasta -o $disk --steps 3 -s 9 --overwrite >/dev/null
done
same_results fold plain
no_leftovers fold
