#!/bin/sh
# Fuzzes every target of tests/fuzz with libFuzzer and the address and undefined-behaviour sanitizers, as many at a time as there
# are processors, each for so many seconds, beginning with its corpus, which stays as it is. Fails if an input crashes, leaks,
# takes longer than 10 seconds or more than 2 GB; it lies in build-fuzz/found then, and belongs into the corpus, mended.
#   tests/fuzz.sh [SECONDS]      by default 60; inputs found earlier (build-fuzz/corpus) are gone on with
# A new reader is fuzzed longer by hand (bench/results/fuzz.txt).
set -eu
cd "$(dirname "$0")/.."
targets=$(ls tests/fuzz/fuzz_*.c | sed 's|.*/||; s|\.c$||')
seconds=${1:-60}
jobs=$(getconf _NPROCESSORS_ONLN)
tools/install.sh build clang
cmake --preset fuzz >/dev/null
cmake --build build-fuzz --target fuzzers -j "$jobs"
cd build-fuzz
rm -rf found
mkdir -p found corpus

cat >run_one.sh <<'END'
#!/bin/sh
# run_one.sh SECONDS NAME
source=../tests/fuzz
mkdir -p "corpus/$2"
dictionary=$source/$2.dict
[ -e "$dictionary" ] && dictionary=-dict=$dictionary || dictionary=
# What was freed is watched for a while; the default, 256 MB of it, costs half the speed.
export ASAN_OPTIONS=quarantine_size_mb=8
# fuzz_sdf goes on into RDKit where a build beside this one has its plugin.
plugin=$(ls ../build/of3_rdkit.so ../build/of3_rdkit.dylib 2>/dev/null | head -n 1)
[ -z "$plugin" ] || export OF3_RDKIT_PLUGIN=$plugin
if tests/"$2"_fuzzer -max_total_time="$1" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="found/$2-" $dictionary \
  "corpus/$2" "$source/corpus/$2" >"$2.log" 2>&1; then
  echo "$2: $(sed -n 's/^#\([0-9]*\)[[:space:]]DONE.*/\1 inputs/p' "$2.log")"
else
  echo "$2: FAILED"
  tail -n 60 "$2.log"
  exit 1
fi
END
chmod +x run_one.sh
echo "$targets" | xargs -P "$jobs" -n 1 ./run_one.sh "$seconds"
