# A file system that fills up while results are written. Needs root to mount a small one.
[ "$(id -u)" = 0 ] || skip "only root can mount a file system"
mkdir full
mount -t tmpfs -o size=64k tmpfs full 2>/dev/null || skip "this system lets nobody mount a file system"
echo "$PWD/full" >"$work/mounted"
run quick "$UBIQUITIN$UBIQUITIN$UBIQUITIN" -c ob.safetensors -o full/out
no_leftovers full
[ ! -e full/out/query/seed_42/of3_run.json ] || fail "the results are called complete"
for f in $(find full/out -name '*.json'); do tail -c 2 "$f" | grep -q '[]}]' || fail "$f is half-written"; done
run of3 convert ob.safetensors full/weights.safetensors
run of3 features "$UBIQUITIN" --out full/f.safetensors --log error
no_leftovers full
