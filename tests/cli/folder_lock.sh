# One process at a time writes an output folder: in any container, and it says who it is.
printf '>a\nMKTAYIAKQR\n' >a.fa
of3 predict "$UBIQUITIN" -c ob.safetensors -o out --samples 1 --recycles 0 --steps 10000 --log error >/dev/null 2>&1 &
pid=$!
tries=0
until [ -e out/experiment_config.json ]; do
  tries=$((tries + 1))
  [ $tries -lt 600 ] || fail "it never began"
  sleep 0.05
done
echo "# a second one is told"
code=0
quick a.fa -c ob.safetensors -o out >shown 2>&1 || code=$?
sed -E 's/process [0-9]+ on .*, since [^;]*;/process P on H, since T;/' shown
echo "exit $code"
echo "# or waits, until the first is killed; what that left is no hindrance"
quick a.fa -c ob.safetensors -o out --wait >shown 2>&1 &
waiting=$!
sleep 0.5
kill -0 $waiting || fail "it did not wait"
kill -KILL $pid
wait $pid 2>/dev/null || true
wait $waiting || fail "$(cat shown)"
[ -e out/a/a_best_model.cif ] || fail "nothing was written"
[ -z "$(find out -name '.of3*')" ] || fail "left: $(find out -name '.of3*')"

echo "# eight at a time"
together() { # together COMMAND...: eight of3, each with a query of its own
  rm -rf many
  for i in 1 2 3 4 5 6 7 8; do
    printf '>p%d\nMKTAYIAKQR\n' $i >$i.fa
    ("$@" of3 predict $i.fa -c ob.safetensors -o many -n 1 -r 0 --steps 1 --log error --wait >/dev/null 2>e$i || echo "exit $?: $(cat e$i)") &
  done
  wait
  ls many/p?/seed_42/of3_run.json | wc -l | tr -d ' '
  cat many/p?/p?_best_model.cif | grep -c "^data_"
  no_leftovers many
  [ -z "$(find many -name '.of3*')" ] || fail "left: $(find many -name '.of3*')"
}
together env
# In containers each is process 1.
if unshare --pid --fork true 2>/dev/null; then together unshare --pid --fork; else together env; fi

echo "# two with other options: files are those of one of them, as of3_run.json lists them"
S=MKTAYIAKQRQISFVKSHFSRQ
printf '>a\n%s\n>b\n%s\n>c\n%s\n' $S $S$S $S$S$S >race.fa
two() { exec of3 predict race.fa -c ob.safetensors -n 3 -r 1 -s 1,2,3 --log error -o race "$@" >/dev/null 2>&1; }
short && delays='0 0.2' || delays='0 0.05 0.1 0.2 0.3 0.4'
for delay in $delays; do
  rm -rf race
  (two --steps 20) &
  one=$!
  sleep $delay
  second=0
  (two --steps 19) || second=$?
  first=0
  wait $one || first=$?
  case $first$second in
  10 | 01) ;; # one of them came first, and the other was told
  00) ;;      # one after the other
  *) fail "exit codes $first and $second" ;;
  esac
  as_listed race 9
  [ "$(grep -ho '"made_from": .*' race/a/seed_*/of3_run.json race/b/seed_*/of3_run.json | sort -u | wc -l)" = 2 ] || fail "results of both runs"
done
