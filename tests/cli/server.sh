# Alignments from a ColabFold server on the loopback (tests/server/colabfold_server.py), which misbehaves as it is told.
command -v python3 >/dev/null || skip "the test server needs python3"
python3 -c 'import ctypes; ctypes.CDLL("libcurl.so.4")' 2>/dev/null || [ "$(uname)" = Darwin ] || skip "no libcurl"
export OF3_CACHE=cache TMPDIR=$PWD/tmp
mkdir tmp
A=MKTAYIAKQRQISFVKSHFSRQLEERLGLIEV
B=MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEG
protein() { printf '{"molecule_type": "protein", "chain_ids": "%s", "sequence": "%s"%s}' "$1" "$2" "${3:-}"; }
printf '{"queries": {"one": {"chains": [%s, %s]}, "two": {"chains": [%s, %s]}}}' \
  "$(protein A $A)" "$(protein C $A)" "$(protein A $A)" "$(protein B $B)" >q.json

# serve ARGS...: a server of its own; url and log are its address and log.
server=
serves=0
stop_server() {
  [ -z "$server" ] || { kill $server && wait $server || true; } 2>/dev/null
  server=
}
trap stop_server EXIT
serve() {
  stop_server
  serves=$((serves + 1))
  rm -f port
  log=${keep_log:-log$serves}
  python3 "$OF3_TESTS/server/colabfold_server.py" port $log "$@" &
  server=$!
  for i in $(seq 300); do [ -f port ] && break || sleep 0.05; done
  url=http://127.0.0.1:$(cat port)
}
# align QUERY OUT ARGS...: shows warnings and errors without the port.
align() {
  code=0 query=$1 out=$2
  shift 2
  of3 align-msa-server "$query" -o "$out" --server-url $url --server-chains-url $url/graphql --server-poll 0.0001 --log warn "$@" \
    >shown 2>&1 || code=$?
  sed -E 's/127.0.0.1:[0-9]+/SERVER/g; s/port [0-9]+/port N/; s/after [0-9]+ ms/after N ms/' shown
  echo "exit $code"
}
asked() { grep -c "^done.* POST /ticket" $log || true; }
same_alignments() { for part in main paired template; do diff -r $1/$part $2/$part || fail "$part differs"; done; }

echo "== what is written, and asked for"
serve
align q.json plain
files plain | sed -E 's/[0-9a-f]{60}/../g'
sed -E 's/^>(UniRef100_U|ENV_)/>/' plain/main/*/colabfold_main.a3m | grep -c '>'
cat plain/template/*/*.m8
echo "submitted: $(asked)"
align q.json again
echo "submitted: $(asked)"
same_alignments plain again
of3 cache verify

echo "== an alignment that the query names is kept, and nothing asked for it"
printf '{"queries": {"own": {"chains": [%s]}}}' "$(protein A ${A}G ', "main_msa_file_paths": "own.a3m"')" >own.json
printf '>q\n%sG\n' $A >own.a3m
align own.json own
grep -c own.a3m own/query_msa.json
echo "submitted: $(asked)"

echo "== a file of settings: NPZ, which gives the same features; nothing that is not wanted is left"
printf 'msa_computation_settings: {msa_file_format: npz, save_colabfold_outputs: false, save_mappings: false}\n' >npz.yml
align q.json packed --runner-yaml npz.yml
files packed | sed -E 's/[0-9a-f]{60}/../g'
for n in plain packed; do of3 features $n/query_msa.json --query two --out $n.st --log error; done
cmp plain.st packed.st && echo "the same features"
printf 'msa_computation_settings: {msa_output_directory: elsewhere}\n' >other.yml
align q.json packed --runner-yaml other.yml
printf 'msa_computation_settings: {save_openfold_outputs: false, save_colabfold_outputs: false}\n' >unsaved.yml
of3 predict q.json -c ob.safetensors -o unsaved -n 1 --steps 2 -r 0 --server-url $url --server-chains-url $url/graphql \
  --server-poll 0.0001 --runner-yaml unsaved.yml --log warn >shown 2>&1 || fail "$(cat shown)"
ls unsaved
[ ! -e unsaved/msas ] && [ ! -e unsaved/.of3-msas ] || fail "alignments are left"
echo "submitted: $(asked)"

echo "== a server that misbehaves: the same files in the end"
for fault in limit=2 http429=1 html=2 busy=3 truncate=2 drop=3 stall=9 order=1; do
  rm -rf cache
  serve --fault $fault
  echo "$fault: $(align q.json "$fault")"
  same_alignments plain "$fault"
done

echo "== what cannot be mended is one sentence"
for fault in maintenance=1 error=$B evil=../x evil=/x evil=link wrong=1 missing=1 limit=99 truncate=99; do
  rm -rf cache
  serve --fault $fault
  echo "$fault:"
  align q.json "$fault"
  [ ! -e x ] && [ -z "$(ls tmp)" ] || fail "something is left"
done
stop_server
rm -rf cache
align q.json gone
no_leftovers .

echo "== interrupted while it waits, the next run goes on waiting for the same search"
keep_log=log_kill
serve --running 1000000
of3 align-msa-server q.json -o killed --server-url $url --server-chains-url $url/graphql --server-poll 0.01 --log error &
of3=$!
until grep -q 'done.*GET /ticket' $log; do sleep 0.05; done
kill -9 $of3
wait $of3 2>/dev/null || true
echo "submitted: $(asked)"
port=$(cat port)
serve --port $port
align q.json killed
echo "submitted: $(asked)"
same_alignments plain killed
rm -rf cache
serve --running 1000000
of3 align-msa-server q.json -o lost --server-url $url --server-chains-url $url/graphql --server-poll 0.01 --log error &
of3=$!
n=$(grep -c 'done.*GET /ticket' $log)
until [ "$(grep -c 'done.*GET /ticket' $log)" -gt $n ]; do sleep 0.05; done
kill -9 $of3
wait $of3 2>/dev/null || true
serve --port $port --fault forget=1
align q.json lost | sed -E 's/ticket [0-9a-f]+/ticket T/'
same_alignments plain lost
keep_log=

echo "== folding: alignments of the next query come while the first is folded; one that cannot be had fails alone"
rm -rf cache
serve --fault error=$B
server_options="--server-url $url --server-chains-url $url/graphql --server-poll 0.001"
code=0
of3 predict q.json -c ob.safetensors -o folded --samples 1 --recycles 0 --steps 2 --log error $server_options \
  >shown 2>&1 || code=$?
grep '^of3:\|^error:' shown | sed -E 's/127.0.0.1:[0-9]+/SERVER/g'
echo "exit $code"
[ -f folded/one/one_best_model.cif ] && [ ! -e folded/two ] || fail "the wrong results"
serve --port "$(cat port)"
run quick q.json -c ob.safetensors -o folded2 $server_options | grep -c best_model
n=$(asked)
of3 predict q.json -c ob.safetensors -o folded2 --samples 2 --recycles 1 --steps 3 $server_options 2>&1 |
  grep -c 'complete from an earlier run'
[ "$(asked)" = $n ] || fail "asked again"

echo "== the cache"
# in order of use, which is in the same second here
of3 cache list --kind alignment | sed -E 's/^[0-9a-f]{12}  [0-9-]{10}/KEY  DAY/; s/127.0.0.1:[0-9]+/SERVER/' | LC_ALL=C sort
truncate -s 5 "$(find cache -name colabfold_main.a3m | head -1)"
of3 cache verify 2>/dev/null || echo "exit $?"
run of3 cache clean
of3 cache clean --kind alignment --older-than 30
of3 cache clean --all >shown
of3 cache list
run of3 cache lost
OF3_CACHE= run of3 cache list
