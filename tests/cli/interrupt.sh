# Ctrl-C in the middle, and going on afterwards.
interrupt() { # interrupt SIGNAL: during the second seed of a long run
  rm -f shown
  of3 predict "$UBIQUITIN" -c ob.safetensors -o out --jobs 1 --batch 1 --seeds 1,2,3,4 --samples 2 --recycles 1 --steps "$2" >shown 2>&1 &
  pid=$!
  tries=0
  until [ -e out/query/seed_1/of3_run.json ]; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || fail "the first seed never came: $(cat shown)"
    sleep 0.05
  done
  kill "-$1" $pid
  code=0
  wait $pid || code=$?
  echo "exit $code"
  tail -n 1 shown
  no_leftovers out
  grep -q INCOMPLETE out/summary.txt || fail "it went on to the end"
  [ "$(cut -f3 out/ranking.tsv | sort -u | wc -l)" -ge 2 ] || fail "the complete seed is not ranked"
  [ -e out/query/seed_1/of3_run.json ] || fail "the complete seed is gone"
}
# as many steps as take more than a second
steps=50
while :; do
  begin=$(date +%s)
  of3 predict "$UBIQUITIN" -c ob.safetensors -o probe --samples 2 --recycles 1 --steps $steps --log error --overwrite >/dev/null
  [ $(($(date +%s) - begin)) -lt 2 ] && [ $steps -lt 10000 ] || break
  steps=$((steps * 3 < 10000 ? steps * 3 : 10000))
done
interrupt INT $steps
rm -r out
interrupt TERM $steps

echo "# the same command goes on"
of3 predict "$UBIQUITIN" -c ob.safetensors -o out --seeds 1,2 --samples 2 --recycles 1 --steps $steps >shown 2>&1
grep -c ": complete from an earlier run" shown
files out/query | grep -c model.cif

echo "# a checkpoint that is overwritten while it is in use"
cp ob.safetensors mine.safetensors
of3 predict "$UBIQUITIN" -c mine.safetensors -o cut --samples 2 --recycles 1 --steps 10000 >cutting 2>&1 &
pid=$!
tries=0
until grep -q ': diffusion' cutting 2>/dev/null; do
  tries=$((tries + 1))
  [ $tries -lt 600 ] || fail "it never came: $(cat cutting)"
  sleep 0.05
done
: >mine.safetensors
code=0
wait $pid || code=$?
echo "exit $code"
tail -n 1 cutting
