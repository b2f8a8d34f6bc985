# Files that are cut, and files made to break a reader: one sentence each, soon, and nothing is left.
cuts() { # FILE ENDING PLACES: of3 ccd build of its first bytes, cut in so many places
  size=$(wc -c <"$1")
  i=0
  while [ $i -lt "$3" ]; do
    at=$((i * size / $3))
    head -c $at "$1" >"cut.$2"
    code=0
    of3 ccd build "cut.$2" -o d >said 2>&1 || code=$?
    [ $code = 1 ] || fail "$1 cut behind $at bytes: exit $code: $(cat said)"
    case $(cat said) in
      *"
"* | of3:\ ) fail "$1 cut behind $at bytes: $(cat said)" ;;
      of3:\ \'cut.*) ;;
      *) fail "$1 cut behind $at bytes: $(cat said)" ;;
    esac
    i=$((i + 1))
  done
  echo "$1: $3 cuts refused"
}
cp "$fixtures"/cif/components.* .
gzip -c components.cif >components.cif.gz
if short; then places='20 20 20'; else places='500 250 250'; fi
# shellcheck disable=SC2086
set -- $places
cuts components.cif cif "$1" >shown
cuts components.bcif bcif "$2" >>shown
cuts components.cif.gz cif.gz "$3" >>shown
sed 's/ [0-9]* cuts/ all cuts/' shown
# between two rows of the last component: its formula and its bonds tell
sed "/^\"C3'\" \"O3'\" *ATP/q" components.cif >bonds.cif
run of3 ccd build bonds.cif -o d
sed '/^_chem_comp.id/q' components.cif >head.cif
run of3 ccd build head.cif -o d
[ ! -e d ]

# nested deeply
repeat() { head -c "$2" /dev/zero | tr '\0' "$1"; }
{
  printf '{"queries": {"q": {"chains": '
  repeat '[' 200000
} >deep.json
run of3 inputs deep.json
{
  printf 'version: 1\nsequences: '
  repeat '[' 200000
} >deep.yaml
run of3 inputs deep.yaml
# aliases that name more than there is, or themselves
{
  echo 'a: &a [x, x, x, x, x, x, x, x, x]'
  last=a
  for name in b c d e f g h i; do
    echo "$name: &$name [*$last, *$last, *$last, *$last, *$last, *$last, *$last, *$last, *$last]"
    last=$name
  done
  printf 'version: 1\nsequences: *i\n'
} >many.yaml
run of3 inputs many.yaml
printf 'version: 1\nsequences: &s [*s]\n' >itself.yaml
run of3 inputs itself.yaml

# little that becomes much
head -c 40000000 /dev/zero | tr '\0' ' ' | gzip -1 >part.gz
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28; do cat part.gz; done >blank.json.gz
of3 inputs blank.json.gz 2>&1 | sed 's/the [0-9.]* MB/the (memory) MB/'

# BinaryCIF with one column: texts and numbers as MessagePack has them
text() { printf "\\$(printf %o $((160 + ${#1})))%s" "$1"; }
numbers() { # ROWS WRITER: rowCount as 4 bytes
  printf '\201' && text dataBlocks && printf '\221\202' && text header && text x && text categories
  printf '\221\203' && text name && text _chem_comp && text rowCount && printf "\316$1" && text columns
  printf '\221\202' && text name && text id && text data && $2
}
array() { printf '\202' && text kind && text ByteArray && text type && printf '\003'; }
runs() { # one value, two billion times
  printf '\202' && text data && printf '\304\010\001\000\000\000\377\377\377\177' && text encoding
  printf '\222\203' && text kind && text RunLength && text srcType && printf '\003' && text srcSize
  printf '\316\177\377\377\377' && array
}
bytes() { # four of four billion bytes
  printf '\202' && text data && printf '\306\377\377\377\377abcd' && text encoding && printf '\221' && array
}
nested() { repeat '\221' 200000; }
numbers '\177\377\377\377' runs >runs.bcif
run of3 ccd build runs.bcif -o d
numbers '\000\000\000\002' runs >rows.bcif
run of3 ccd build rows.bcif -o d
numbers '\000\000\000\001' bytes >bytes.bcif
run of3 ccd build bytes.bcif -o d
numbers '\000\000\000\001' nested >nested.bcif
run of3 ccd build nested.bcif -o d

# numbers beyond what there can be
try() {
  printf '%s' "$1" >q.json
  run of3 inputs q.json
}
protein='{"molecule_type": "protein", "chain_ids": "A", "sequence": "MKC"'
glycerol='{"molecule_type": "ligand", "chain_ids": "L", "ccd_codes": "GOL"}'
try '[{"name": "a", "modelSeeds": [], "sequences": [{"proteinChain": {"sequence": "MK", "count": 1000000000}}]}]'
try '[{"name": "a", "modelSeeds": [], "sequences": [{"ion": {"ion": "MG", "count": 99999999999999999999}}]}]'
try "{\"queries\": {\"q\": {\"chains\": [$protein, \"starting_residue_number\": 999999999999}]}}}"
run of3 predict MKT -c ob.safetensors -o out --num-model-seeds 1000000000
run of3 predict MKT -c ob.safetensors -o out --samples 1000000000

# bonds to what is not there, a component that nobody knows
bond() { try "{\"queries\": {\"q\": {\"chains\": [$protein}, $glycerol], \"covalent_bonds\": [[$1, [\"L\", 1, \"C1\"]]]}}}"; }
bond '["X", 3, "SG"]'
bond '["A", 3, "SX"]'
bond '["A", 1000000000, "SG"]'
try '{"queries": {"q": {"chains": [{"molecule_type": "ligand", "chain_ids": "L", "ccd_codes": "ZZZZZ"}]}}}'
[ ! -e d ] && [ ! -e out ]
no_leftovers .
