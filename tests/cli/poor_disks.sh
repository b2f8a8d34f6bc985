# Disks that are full, read-only, slow, or lack what not all file systems have: old results stay, nothing is mixed.
fold() { of3 predict "$@" -c ob.safetensors -n 2 -r 0 --log error; }
printf '>a\nMKTAYIAKQR\n>b\n%s%s\n' $UBIQUITIN $UBIQUITIN >q.fasta

if [ "$(id -u)" = 0 ] && mkdir disk && mount -t tmpfs -o size=2m tmpfs disk 2>/dev/null; then
  echo "$PWD/disk" >"$work/mounted"
  fold q.fasta -o disk/out --steps 2 --confidences none >/dev/null
  cp -r disk/out before
  dd if=/dev/zero of=disk/other bs=1k 2>/dev/null || true # what is left of the disk
  code=0
  fold q.fasta -o disk/out --steps 3 >/dev/null 2>said || code=$?
  [ $code = 1 ] || fail "exit $code on a full disk: $(cat said)"
  grep -q 'cannot\|full' said || fail "$(cat said)"
  for q in a b; do diff -r disk/out/$q before/$q; done
  cmp disk/out/ranking.tsv before/ranking.tsv
  no_leftovers disk
  for left in 24 48 96 200; do # kilobytes: for the files of the run, for some results, for those of one query
    rm disk/other
    dd if=/dev/zero of=disk/other bs=1k 2>/dev/null || true
    truncate -s -${left}k disk/other
    code=0
    fold q.fasta -o disk/out --steps 3 >/dev/null 2>said || code=$?
    [ $code = 1 ] || fail "exit $code with $left kB left: $(cat said)"
    grep -q 'No space left' said || fail "$(cat said)"
    as_listed disk/out 2
    no_leftovers disk
  done
  rm -r disk/other disk/out/logs
  fold q.fasta -o disk/out --steps 2 --confidences none 2>&1 >/dev/null | cat
  same_results disk/out before
  mount -o remount,ro disk
  code=0
  fold q.fasta -o disk/out --steps 3 >/dev/null 2>said || code=$?
  [ $code = 1 ] || fail "exit $code on a read-only disk: $(cat said)"
  grep -q 'Read-only file system' said || fail "$(cat said)"
  same_results disk/out before
  umount disk
  rm "$work/mounted"
fi

shim=$work/bin/libpoor_disk.so
[ -e "$shim" ] && [ -z "${OF3_EMULATOR:-}" ] && LD_PRELOAD=$shim of3 --version >/dev/null 2>&1 || {
  echo "as expected"
  exit 0
}
fold q.fasta -o good --steps 2 -s 1,2 >/dev/null
POOR_DISK="count=$PWD/changes" LD_PRELOAD=$shim fold q.fasta -o counted --steps 2 >/dev/null
[ "$(cat changes)" -gt 20 ] || fail "$shim is not in the way"
for how in slow noexchange nolink "nolink noexchange noflock slow"; do
  poor() { POOR_DISK=$how LD_PRELOAD=$shim fold "$@"; }
  rm -rf out
  poor q.fasta -o out --steps 3 -s 1,2 >/dev/null # old results
  echo mine >out/a/seed_1/mine.txt
  poor q.fasta -o out --steps 2 -s 1 >/dev/null 2>&1 &
  one=$!
  poor q.fasta -o out --steps 2 -s 2 --wait >/dev/null &
  two=$!
  codes=0
  wait $one || codes=$?
  wait $two || codes=$?
  # whoever came second and was not asked to wait was told so
  [ $codes = 0 ] || poor q.fasta -o out --steps 2 -s 1 >/dev/null
  [ "$(cat out/a/seed_1/mine.txt)" = mine ] || fail "$how: a file of others is gone"
  rm out/a/seed_1/mine.txt
  poor q.fasta -o out --steps 2 -s 1,2 >/dev/null
  same_results out good
  [ -z "$(find out -name '.of3*')" ] || fail "$how: left $(find out -name '.of3*')"
done
echo "as expected"
