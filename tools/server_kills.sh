#!/bin/sh
# Kills `of3 align-msa-server` (SIGKILL) at random moments during a batch of queries, and looks at what is there afterwards:
#   tools/server_kills.sh KILLS [BUILD [QUERIES]]      exit 0: nothing was asked twice or half-written
# Each query is a sequence of its own, every second one a pair of two. A run is killed within the time that a whole one
# takes; the next run, killed as well, goes on from there. When a run comes to its end, its files are compared with those
# of a run that nobody disturbed, the cache is verified, and the batch begins anew with an empty cache. In the server's
# log, no request that was answered comes again, but for the one whose answer a killed run got last: it may have been
# killed before it could keep it. Polls of a search that goes on are no repetition.
set -eu
kills=${1:-10}
build=$(cd "${2:-build}" && pwd)
queries=${3:-50}
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill $server; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
cd "$work"
mkdir tmp
export TMPDIR=$work/tmp

python3 - "$queries" >queries.json <<'PYTHON'
import json, random, sys

rng = random.Random(1)
def chain(k):
    return {"molecule_type": "protein", "chain_ids": "AB"[k], "sequence": "M" + "".join(rng.choices("ACDEFGHIKLMNPQRSTVWY", k=30 + rng.randrange(40)))}
print(json.dumps({"queries": {f"q{i}": {"chains": [chain(k) for k in range(1 + i % 2)]} for i in range(int(sys.argv[1]))}}))
PYTHON

python3 "$root/tests/server/colabfold_server.py" port log --running 2 &
server=$!
until [ -f port ]; do sleep 0.05; done
url=http://127.0.0.1:$(cat port)
align() { # RUN CACHE OUT
  "$build/of3" align-msa-server queries.json -o "$3" --cache "$2" --server-url $url --server-chains-url $url/graphql \
    --server-poll 0.002 --server-user-agent "test run=$1" --log error
}
begin=$(date +%s%N)
align whole cache-whole whole
end=$(date +%s%N)
took=$(((end - begin) / 1000000))
echo "a whole run takes $took ms"

killed=0 run=0 batch=1 whole_runs=0
while [ $killed -lt "$kills" ]; do
  run=$((run + 1))
  align "$batch.$run" cache$batch out$batch &
  pid=$!
  sleep "$(awk -v seed="$run$batch" -v most="$took" 'BEGIN { srand(seed); printf "%.4f", rand() * most * 0.6 / 1000 }')"
  if kill -9 $pid 2>/dev/null; then killed=$((killed + 1)); fi
  code=0
  wait $pid 2>/dev/null || code=$?
  [ $code = 0 ] || [ $code = 137 ] || { echo "FAILED: run $batch.$run ended with $code"; exit 1; }
  [ $code = 0 ] || continue
  whole_runs=$((whole_runs + 1))
  for part in main paired template mappings; do diff -r whole/$part out$batch/$part >/dev/null || { echo "FAILED: $part of batch $batch differs"; exit 1; }; done
  "$build/of3" cache verify --cache cache$batch >said || { echo "FAILED: $(cat said)"; exit 1; }
  rm -rf cache$batch out$batch
  batch=$((batch + 1))
done
align "$batch.last" cache$batch out$batch
for part in main paired template mappings; do diff -r whole/$part out$batch/$part || exit 1; done
left=$(find out$batch cache$batch/v1/[0-9a-f][0-9a-f] -name '*.tmp-*' | grep -v /raw/ || true)
python3 - "$killed" "$whole_runs" "$left" <<'PYTHON'
import sys

killed, whole_runs, left = sys.argv[1:4]
done, last, repeated, excused, polls = {}, {}, [], 0, 0
for line in open("log"):
    word = line.split()
    if word[0] != "done":
        continue
    run, method, path, key = word[1:5]
    if path.startswith("/ticket/") and method == "GET":
        polls += 1
        last[run] = None
        continue
    batch = run.split(".")[0]
    what = (batch, method, path, key)
    if what in done:
        earlier = done[what]
        if last.get(earlier) == what and earlier != run:
            excused += 1
        else:
            repeated.append((run, earlier, what))
    done[what] = run
    last[run] = what
print(f"{killed} kills, {whole_runs + ' batches completed in between,' } {len(done)} requests, {polls} polls; asked again: {len(repeated)}, "
      f"and {excused} whose answer a run got last before it was killed")
for r in repeated[:10]:
    print("  again:", r)
if left:
    print("half-written:", left)
sys.exit(bool(repeated) or bool(left))
PYTHON
