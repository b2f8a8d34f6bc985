# Local searches with programs that only note how they are called (programs/fake_search).
export CALLS=$work/calls PIDS=$work/pids OF3_CACHE=
mkdir programs
for p in jackhmmer nhmmer hmmsearch hmmbuild hmmalign hhblits mmseqs; do cp "$fixtures/../cli/programs/fake_search" programs/$p; done
full=$PATH
PATH=$PWD/programs:$PATH
printf '>a\nMKTAY\n' >db.fasta
for part in a3m cs219 hhm; do for end in ffdata ffindex; do echo x >clusters_$part.$end; done; done
cat >databases.yaml <<'END'
databases:
  - {name: uniref90, path: db.fasta, version: "1"}
  - {name: uniprot, path: db.fasta, version: "1"}
  - {name: bfd, path: [clusters, clusters], version: "1"}
  - {name: rfam, path: db.fasta, version: "1"}
  - {name: pdb_seqres, path: db.fasta, version: "1"}
END
cat >query.json <<'END'
{"seeds": [7], "queries": {
  "complex": {"chains": [
    {"molecule_type": "protein", "chain_ids": ["A", "B"], "sequence": "MKTAYIAKQR"},
    {"molecule_type": "rna", "chain_ids": ["R"], "sequence": "GACUGACU"},
    {"molecule_type": "ligand", "chain_ids": ["L"], "ccd_codes": ["ATP"]}]},
  "again": {"chains": [{"molecule_type": "protein", "chain_ids": ["A"], "sequence": "MKTAYIAKQR"}]},
  "own": {"chains": [{"molecule_type": "protein", "chain_ids": ["A"], "sequence": "GGSGGSGG", "main_msa_file_paths": ["own.a3m"]}]}}}
END
printf '>q\nGGSGGSGG\n' >own.a3m
search() { of3 search query.json -d databases.yaml -t 4 "$@" 2>message | sed -E 's/[0-9.]+ s$/(time)/' && cat message; }
quiet() { of3 search query.json -d databases.yaml -t 4 --log error "$@" 2>&1 | sed -E 's/[0-9.]+ s$/(time)/'; }

echo "# What is run"
quiet -o out
sort "$CALLS"
files out
grep -E 'main/|template/|own.a3m|"seeds"|    7' out/query_msa.json | sed "s|$PWD|.|"
cat out/template/*/hmm_output.sto | head -n 8

echo "# Again: nothing is"
: >"$CALLS"
quiet -o out
cat "$CALLS"
echo "# One file is lost, one database is newer"
rm out/main/rna-*/rfam_hits.sto
sed -i 's|uniprot, path: db.fasta, version: "1"|uniprot, path: db.fasta, version: "2"|' databases.yaml
quiet -o out
cut -d' ' -f1 "$CALLS" | sort
echo "# From the store, in another folder"
export OF3_CACHE=$PWD/store
quiet -o out2
: >"$CALLS"
quiet -o out3
cat "$CALLS"
[ "$(cd out2 && find . -type f ! -name query_msa.json | sort | xargs cat | sha256sum)" = "$(cd out3 && find . -type f ! -name query_msa.json | sort | xargs cat | sha256sum)" ] || fail "other files"
export OF3_CACHE=

echo "# MMseqs2: clusters, then sequences, then structures by the profiles of the first; whole names for pairing"
for part in '' _seq _aln; do echo x >uniref$part.dbtype; done
cat >mmseqs.yaml <<'END'
databases:
  - {name: uniref30, path: uniref, kind: protein, program: mmseqs, version: "1"}
  - {name: env, path: db.fasta, kind: protein, program: mmseqs, version: "1"}
  - {name: uniprot, path: db.fasta, program: mmseqs, version: "1"}
  - {name: pdb, path: db.fasta, kind: structures, program: mmseqs, version: "1"}
END
: >"$CALLS"
of3 search query.json -d mmseqs.yaml -t 4 --log error -o mmseqs 2>&1 | sed -E 's/[0-9.]+ s$/(time)/'
cat "$CALLS"
files mmseqs | grep -v key
cat mmseqs/main/*/colabfold_main.a3m
cat mmseqs/main/*/uniprot_hits.a3m
echo "# A profile for hmmsearch of MMseqs2's alignment; another version of that one makes the hits anew"
cat >mixed.yaml <<'END'
databases:
  - {name: pdb_seqres, path: db.fasta, version: "1"}
  - {name: own, path: db.fasta, kind: protein, program: mmseqs, version: "1"}
END
for version in 1 1 2; do
  : >"$CALLS"
  sed -i "s|mmseqs, version: .*|mmseqs, version: \"$version\"}|" mixed.yaml
  of3 search MKTAYIAKQR -d mixed.yaml -t 4 --log error -o mixed 2>&1 | sed -E 's/[0-9.]+ s$/(time)/' | head -n 1
  grep -E '^(hmm|mmseqs (search|result))' "$CALLS" | cut -d' ' -f1-8 || true
done
echo "# The same on a graphics processor"
: >"$CALLS"
of3 search MKTAYIAKQR -d mmseqs.yaml -t 4 --log error -o gpu --gpu >/dev/null
grep -E '^mmseqs (search|makepadded)' "$CALLS"

echo "# Programs that fail: their queries fail, others do not"
for how in fail:nhmmer crash:nhmmer cut:nhmmer cut:jackhmmer garbage:jackhmmer garbage:hhblits; do
  export FAKE=${how%:*} FAKE_OF=${how#*:}
  rm -rf bad
  quiet -o bad
  grep -c '"query_name"' bad/query_msa.json
  [ ! -e bad/.of3-search ] || fail "leftovers"
done
export FAKE=fail FAKE_OF=jackhmmer
rm -rf bad
quiet -o bad
FAKE_OF=
quiet -o bad

echo "# A signal ends the programs, and so does the end of of3, whatever ends it"
export FAKE=sleep FAKE_OF="jackhmmer hhblits nhmmer"
for signal in INT TERM KILL; do
  rm -rf stopped "$PIDS"
  of3 search query.json -d databases.yaml -t 16 --log error -o stopped 2>message &
  pid=$!
  while [ ! -s "$PIDS" ]; do sleep 0.05; done
  kill -$signal $pid
  code=0
  { wait $pid; } 2>/dev/null || code=$?
  echo "$signal: exit $code"
  sed 's/^/  /' message
  for try in 1 2 3 4 5 6 7 8 9 10; do
    left=0
    while read -r p; do case $(ps -o stat= -p "$p") in '' | Z*) ;; *) left=1 ;; esac; done <"$PIDS"
    [ $left = 1 ] || break
    sleep 0.1
  done
  [ $left = 0 ] || fail "programs still run"
  [ -z "$(find stopped -name '*_hits*')" ] || fail "half-written"
done
FAKE_OF=
quiet -o stopped | tail -n 1
[ "$(files stopped | grep -v key)" = "$(files out | grep -v key)" ] || fail "not all was made"

echo "# Two processes at one moment search once; the claim of one that is killed ends with it"
export OF3_CACHE=$PWD/shared FAKE=slow FAKE_OF="jackhmmer hhblits nhmmer"
: >"$CALLS"
quiet -o one >ran.one &
quiet -o two >ran.two
wait
cut -d' ' -f1 "$CALLS" | grep -E '^(jackhmmer|hhblits|nhmmer|hmmsearch)$' | sort | uniq -c
[ "$(files one | grep -v key)" = "$(files two | grep -v key)" ] || fail "not the same"
rm -rf shared "$PIDS"
killed() { # killed OPTIONS: a search that is killed while a program sleeps
  rm -f "$PIDS"
  FAKE=sleep of3 search query.json -t 16 --log error "$@" 2>message &
  pid=$!
  while [ ! -s "$PIDS" ]; do sleep 0.05; done
  kill -KILL $pid
  { wait $pid; } 2>/dev/null || true
  sleep 0.3
  : >"$CALLS"
}
killed -d databases.yaml -o killed
FAKE_OF=
# it may have put some into the store before it was killed
quiet -o after | sed -E 's/^[0-9]+ files searched for, [0-9]+ from/N files searched for, N from/'
[ -z "$(ls shared/v1/claims)" ] || fail "claims are left"
export OF3_CACHE=

echo "# A batch of MMseqs2 that is killed goes on with the program that ran; if that fails, from the beginning"
export FAKE_OF=mmseqs/result2msa
killed -d mmseqs.yaml -o batch
FAKE_OF=
of3 search query.json -d mmseqs.yaml -t 16 --log info -o batch 2>&1 | grep -oE '(goes on|begins anew).*'
head -n 1 "$CALLS" | cut -d' ' -f1-2
grep -c '^mmseqs search ' "$CALLS"
diff -r batch mmseqs -x query_msa.json && echo "the same files"
rm -rf batch
export FAKE_OF=mmseqs/filterresult
killed -d mmseqs.yaml -o batch
FAKE=fail
of3 search query.json -d mmseqs.yaml -t 16 --log info -o batch 2>&1 | grep -oE '(goes on|begins anew).*'
[ ! -e batch/.of3-search ] || fail "leftovers"
FAKE_OF=

echo "# What is missing"
PATH=$full
mkdir few
for p in sh sed cat of3; do ln -s "$(command -v $p)" few/$p; done
cat >missing.yaml <<'END'
databases:
  - {name: uniref90, path: nowhere.fasta}
  - {name: bfd, path: nothing}
  - {name: rfam, path: packed.fasta}
  - {name: pdb_seqres, path: db.fasta, program: mmseqs}
END
gzip <db.fasta >packed.fasta
few() { PATH=$PWD/few of3 search "$@"; }
run few --check -d missing.yaml
run few query.json -d missing.yaml -o none --log error
[ ! -e none ] || fail "a folder was made"
run of3 search query.json
run of3 search -d databases.yaml
for text in 'x: 1' 'databases: []' 'databases: [{name: a}]' 'databases: [{name: a, path: b}]' 'databases: [{name: ../a, path: b, kind: protein, program: jackhmmer}]' \
  'databases: [{name: uniref90, path: b, kind: rna}]' 'databases: [{name: uniref90, path: [b, c]}]' 'databases: [{name: uniref90, path: b, row: 1}]' \
  'databases: [{name: uniref90, path: b}, {name: c, path: b, kind: protein, program: hhblits, file: uniref90_hits}]' 'programs: {foo: bar}
databases: [{name: uniref90, path: b}]' 'databases: [{name: uniref90, path: b, rows: many}]'; do
  echo "$text" >bad.yaml
  ! of3 search --check -d bad.yaml || fail "accepted"
done
