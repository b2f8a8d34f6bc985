# Folds side by side: the same files for every number of jobs and threads, and with failures among them.
cat >q.json <<END
{"seeds": [3, 5], "queries": {
  "long": {"chains": [{"molecule_type": "protein", "chain_ids": ["A", "B"], "sequence": "MKTAYIAKQRQISFVKSHFSRQ", "main_msa_file_paths": "long.a3m"}]},
  "bad": {"chains": [{"molecule_type": "protein", "chain_ids": "A", "sequence": "MK7"}]},
  "torn": {"chains": [{"molecule_type": "protein", "chain_ids": "A", "sequence": "MKTAYI", "main_msa_file_paths": "torn.a3m"}]},
  "short": {"chains": [{"molecule_type": "protein", "chain_ids": "A", "sequence": "MKTAY"}]},
  "middle": {"chains": [{"molecule_type": "protein", "chain_ids": "A", "sequence": "MKTAYIAKQR"}]}
}}
END
printf '>q\nMKTAYIAKQRQISFVKSHFSRQ\n>r\nMKTAYI-KQRaQISFV--HFSRQ\n' >long.a3m
printf '>q\nMKTAYI\n>r\nMKTA\n' >torn.a3m
set -- "1 1" "1 3" "2 3" "3 3" "3 4" "4 4" "0 1" "0 2" "0 4"
if short; then set -- "1 1" "2 3" "3 4" "0 4"; fi
for how; do
  code=0
  quick q.json -c ob.safetensors -o "out $how" -j "${how% *}" -t "${how#* }" >"shown $how" 2>"errors $how" || code=$?
  [ $code = 1 ] || fail "jobs ${how% *} threads ${how#* }: exit $code"
  same_results "out 1 1" "out $how"
  untimed <"shown $how" | sed "s/out $how/out/" >"told $how"
  cmp "told 1 1" "told $how" || fail "another table"
  sed "s/out $how/out/" "errors $how" >"said $how"
  cmp "said 1 1" "said $how" || fail "other errors"
done
cat "errors 1 1"
untimed <"shown 1 1" | sed 's/(seed [0-9]*, /(seed (s), /'
cat "out 1 1/summary.txt"
for f in $(files "out 1 1" | grep of3_run.json); do # what the files were made from
  grep made_from "out 1 1/$f" >a
  grep made_from "out 3 4/$f" >b
  cmp a b || fail "$f differs"
done

echo "# a failure while others compute"
mkdir full
ln -s /dev/full full/middle # not a folder, so nothing of this query can be written
for how in "1 1" "3 3"; do
  rm -rf "broken $how"
  cp -r full "broken $how"
  quick q.json -c ob.safetensors -o "broken $how" -j "${how% *}" -t "${how#* }" >shown 2>errors || echo "exit $?"
  sed "s/broken $how/out/g" errors | LC_ALL=C sort # they fail while they compute, in any order
  files "broken $how" | grep -c model.cif
done

echo "# as one batch: the same files; what fails, fails alone"
for how in "1 1 1" "1 64 1" "1 3 2" "2 2 3"; do
  rm -rf "broken $how"
  cp -r full "broken $how"
  rest=${how#* } jobs=${how%% *} batch=${rest% *} threads=${how##* }
  of3 predict q.json -c ob.safetensors -o "batch $how" -j "$jobs" --batch "$batch" -t "$threads" --samples 2 --recycles 1 --steps 3 >shown 2>told || echo "exit $?"
  sed -n 's/.* \([0-9]* folds as one batch\)/\1/p' told | sort
  same_results "out 1 1" "batch $how"
  quick q.json -c ob.safetensors -o "broken $how" -j "$jobs" --batch "$batch" -t "$threads" >shown 2>errors || echo "exit $?"
  sed "s/broken $how/out/g" errors | LC_ALL=C sort >"broken errors $how"
  cmp "broken errors 1 1 1" "broken errors $how" || fail "other errors"
  files "broken $how" | grep -c model.cif
done

echo "# a re-run computes what is missing, side by side"
rm "out 3 4/short/seed_3/of3_run.json" "out 3 4/long/seed_5/of3_run.json"
of3 predict q.json -c ob.safetensors -o "out 3 4" -j 2 -t 2 --samples 2 --recycles 1 --steps 3 >shown 2>&1 || echo "exit $?"
grep -c ': complete from an earlier run' shown
grep 'side by side' shown
same_results "out 1 1" "out 3 4"

echo "# messages of one fold while another writes, to a standard error that is closed: none lands in a file"
seeds=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16
if short; then seeds=1,2,3,4; fi
apart() { of3 predict MKTAYIAKQRQISFVKSHFSRQ -c ob.safetensors -j 2 -t 2 --seeds $seeds --samples 5 --steps 1 --recycles 0 "$@" >shown; }
apart -o open 2>errors
apart -o closed 2>&-
same_results open closed

echo "# refused"
run quick MK -c ob.safetensors -o x -j 3 -t 2
run quick MK -c ob.safetensors -o x -j 2 -t 1
run quick MK -c ob.safetensors -o x -j -1
run quick MK -c ob.safetensors -o x --batch 65
[ ! -e x ] || fail "something was written"

echo "# memory for one at a time, or for three"
sequence=$UBIQUITIN$UBIQUITIN steps=100
if short; then steps=10; fi # which take as long
lanes() { # lanes JOBS SHARES: with memory for so many folds, who waits for it
  most=$(echo "$one $weights" | awk -v n="$2" '{ printf "%d", 1e6 * (n * ($1 - $2) + $2) }')
  of3 predict "$sequence" -c ob.safetensors -o "x$1$2" -j "$1" -t 3 --seeds 1,2,3 --samples 2 --recycles 1 --steps $steps -m "$most" >shown 2>&1
  echo "jobs $1: $(grep -q 'waits for memory' shown && echo some waited || echo nobody waited)$(sed -n 's/^\([0-9]* folds side by side\).*/, \1/p' shown | tr -d '\n')"
}
need=$(of3 predict "$sequence" -c ob.safetensors -o probe -t 1 -j 1 --samples 2 --recycles 1 --steps 1 2>&1 | sed -n 's/.* needs \([0-9.]*\) MB of memory (weights \([0-9.]*\) MB.*/\1 \2/p')
one=${need% *} weights=${need#* }
lanes 3 1.9
lanes 0 1.9
lanes 0 3.2
lanes 3 3.2
for jobs in 31.9 01.9 33.2; do same_results x03.2 x$jobs; done

echo "# Ctrl-C stops all"
of3 predict "$sequence" -c ob.safetensors -o stopped -j 3 -t 3 --seeds 1,2,3,4,5,6 --samples 1 --recycles 0 --steps 10000 >stopping 2>&1 &
pid=$!
touch stopping
tries=0
until [ "$(grep -c ': diffusion' stopping || true)" -ge 3 ]; do
  tries=$((tries + 1))
  [ $tries -lt 600 ] || fail "they never came: $(cat stopping)"
  sleep 0.05
done
kill -INT $pid
code=0
wait $pid || code=$?
echo "exit $code"
tail -n 1 stopping
no_leftovers stopped
