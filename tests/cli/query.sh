# Queries that cannot be served: one sentence, exit 1, no result.
protein='"molecule_type": "protein", "chain_ids": ["A"]'
bad() { # bad TITLE JSON
  echo "# $1"
  echo "$2" >q.json
  rm -rf out
  run quick q.json -c ob.safetensors -o out
  [ ! -d out/q ] || fail "a folder was made"
}
bad "syntax" '{"queries": {
  "q": {"chains": [}}}'
bad "cut off" '{"queries": {"q": {"chains": ['
bad "duplicate key" '{"queries": {"q": {"chains": []}, "q": {"chains": []}}}'
bad "not an object" '[1, 2]'
bad "unknown key of the file" '{"querys": {}}'
bad "unknown key of a query" '{"queries": {"q": {"chains": [], "templates": 1}}}'
bad "unknown key of a chain" '{"queries": {"q": {"chains": [{'"$protein"', "sequence": "MK", "colour": "red"}]}}}'
bad "no queries" '{"queries": {}}'
bad "no chains" '{"queries": {"q": {"chains": []}}}'
bad "no sequence" '{"queries": {"q": {"chains": [{'"$protein"'}]}}}'
bad "empty sequence" '{"queries": {"q": {"chains": [{'"$protein"', "sequence": ""}]}}}'
bad "impossible letter" '{"queries": {"q": {"chains": [{'"$protein"', "sequence": "MK7T"}]}}}'
bad "no chain id" '{"queries": {"q": {"chains": [{"molecule_type": "protein", "sequence": "MKT"}]}}}'
bad "chain id that means nothing" '{"queries": {"q": {"chains": [{"molecule_type": "protein", "chain_ids": ["A", "?"], "sequence": "MK"}]}}}'
bad "chain id twice" '{"queries": {"q": {"chains": [{'"$protein"', "sequence": "MK"}, {'"$protein"', "sequence": "MT"}]}}}'
bad "name with a slash" '{"queries": {"../q": {"chains": [{'"$protein"', "sequence": "MK"}]}}}'
bad "name of a file of the run" '{"queries": {"Ranking.tsv": {"chains": [{'"$protein"', "sequence": "MK"}]}}}'
bad "letter that is no ASCII" '{"queries": {"q": {"chains": [{'"$protein"', "sequence": "MK\u00c4"}]}}}'
bad "bad seeds" '{"seeds": [1, -2], "queries": {"q": {"chains": [{'"$protein"', "sequence": "MK"}]}}}'
bad "missing MSA file" '{"queries": {"q": {"chains": [{'"$protein"', "sequence": "MKT", "main_msa_file_paths": ["no.a3m"]}]}}}'
printf '>q\nMKTA\n>r\nMKTC\n' >long.a3m
bad "MSA of another length" '{"queries": {"q": {"chains": [{'"$protein"', "sequence": "MKT", "main_msa_file_paths": ["long.a3m"]}]}}}'
printf '>q\nMKT\n>r\nMK\n' >ragged.a3m
bad "MSA with a short row" '{"queries": {"q": {"chains": [{'"$protein"', "sequence": "MKT", "main_msa_file_paths": ["ragged.a3m"]}]}}}'
printf 'PK\003\004nonsense' >broken.npz
bad "broken NPZ" '{"queries": {"q": {"chains": [{'"$protein"', "sequence": "MKT", "main_msa_file_paths": ["broken.npz"]}]}}}'
bad "DNA with an MSA" '{"queries": {"q": {"chains": [{"molecule_type": "dna", "chain_ids": "A", "sequence": "ACG", "main_msa_file_paths": ["long.a3m"]}]}}}'
bad "ligand without code" '{"queries": {"q": {"chains": [{"molecule_type": "ligand", "chain_ids": "A"}]}}}'
bad "ligand in two ways" '{"queries": {"q": {"chains": [{"molecule_type": "ligand", "chain_ids": "A", "ccd_codes": "EOH", "smiles": "CCO"}]}}}'
bad "unknown ligand" '{"queries": {"q": {"chains": [{"molecule_type": "ligand", "chain_ids": "A", "ccd_codes": "ZZZZZ"}]}}}'
bad "no position" '{"queries": {"q": {"chains": [{'"$protein"', "sequence": "MKT", "non_canonical_residues": {"four": "MSE"}}]}}}'
bad "unknown modified residue" '{"queries": {"q": {"chains": [{'"$protein"', "sequence": "MKT", "non_canonical_residues": {"1": "ZZZZZ"}}]}}}'
bad "paired MSA" '{"queries": {"q": {"chains": [{'"$protein"', "sequence": "MKT", "paired_msa_file_paths": ["p.a3m"]}]}}}'
bad "templates" '{"queries": {"q": {"chains": [{'"$protein"', "sequence": "MKT", "template_alignment_file_path": "t.a3m"}]}}}'
cyclic='{"queries": {"q": {"chains": [{'"$protein"', "sequence": "MKT", "cyclic": true}]}}}'
bad "cyclic, which is not yes or no" '{"queries": {"q": {"chains": [{'"$protein"', "sequence": "MKT", "cyclic": "yes"}]}}}'
nag='"chains": [{'"$protein"', "sequence": "NGS"}, {"molecule_type": "ligand", "chain_ids": "B", "ccd_codes": "NAG"}]'
bad "bond with a chain that is not there" '{"queries": {"q": {'"$nag"', "covalent_bonds": [[["A", 1, "ND2"], ["C", 1, "C1"]]]}}}'
bad "bond with a residue that is not there" '{"queries": {"q": {'"$nag"', "covalent_bonds": [[["A", 4, "ND2"], ["B", 1, "C1"]]]}}}'
bad "bond with an atom that is not there" '{"queries": {"q": {'"$nag"', "covalent_bonds": [[["A", 1, "SG"], ["B", 1, "C1"]]]}}}'
bad "bond of numbered atoms" '{"queries": {"q": {'"$nag"', "covalent_bonds": [[["A", 1, 7], ["B", 1, 0]]]}}}'
bad "bond twice" '{"queries": {"q": {'"$nag"', "covalent_bonds": [[["A", 1, "ND2"], ["B", 1, "C1"]], [["B", 1, "C1"], ["A", 1, "ND2"]]]}}}'
bad "bonded and leaving" '{"queries": {"q": {'"$nag"', "covalent_bonds": [[["A", 1, "ND2"], ["B", 1, "C1"]]], "leaving_atoms": [["B", 1, "C1"]]}}}'
bad "pocket of a protein" '{"queries": {"q": {'"$nag"', "pocket_constraint": {"ligand_chain_id": "A", "pocket_residues": [["A", 1]]}}}}'
bad "first residue number" '{"queries": {"q": {"chains": [{'"$protein"', "sequence": "MKT", "starting_residue_number": "one"}]}}}'
echo "# bonds in a PDB file"
echo '{"queries": {"q": {'"$nag"', "covalent_bonds": [[["A", 1, "ND2"], ["B", 1, "C1"]]]}}}' >q.json
run quick q.json -c ob.safetensors -o out --infer-covalent-leaving-atoms --format pdb
echo "# several leaving groups"
echo '{"queries": {"q": {"chains": [{'"$protein"', "sequence": "S"}, {"molecule_type": "ligand", "chain_ids": "B", "ccd_codes": "8OG"}], "covalent_bonds": [[["A", 1, "OG"], ["B", 1, "P"]]]}}}' >q.json
run quick q.json -c ob.safetensors -o out --infer-covalent-leaving-atoms
bad "pocket" '{"queries": {"q": {"chains": [{'"$protein"', "sequence": "MKT"}], "pocket_constraint": {"binder": "B"}}}}'

echo "# cyclic, of a generation that does not know it"
echo "$cyclic" >q.json
run quick q.json -c p1.safetensors -o out
quick q.json -c p2.safetensors -o ring >/dev/null || fail "cyclic"

echo "# All kinds of molecules"
cat >mixed.json <<'END'
{"queries": {"mixed": {"chains": [
  {"molecule_type": "dna", "chain_ids": "C", "sequence": "GATU"},
  {"molecule_type": "protein", "chain_ids": "A", "sequence": "MSKA", "non_canonical_residues": {"2": "SEP"}},
  {"molecule_type": "rna", "chain_ids": ["B", "D"], "sequence": "GAUC", "non_canonical_residues": {"3": "DT"}},
  {"molecule_type": "ligand", "chain_ids": ["E", "F"], "ccd_codes": "ATP"},
  {"molecule_type": "ligand", "chain_ids": "G", "ccd_codes": ["ZN"]}]}}}
END
variants="p1 p2 ob" # which write the same
if short; then variants=ob; fi
for v in $variants; do
  of3 predict mixed.json -c $v.safetensors -o mixed_$v --samples 1 --recycles 1 --steps 2 --log warn >/dev/null 2>poly_$v
  seed=$(echo mixed_$v/mixed/seed_*)
  sed -n '/_entity_poly.entity_id/,/^#/p' "$seed"/*_model.cif >>poly_$v
  sed -n '/"chain_pair_iptm"/,/}/s/:.*//p' "$seed"/*_aggregated.json >>poly_$v
done
cat poly_ob
for v in $variants; do cmp poly_ob poly_$v; done

echo "# One text, three molecules"
cat >text.json <<'END'
{"queries": {"text": {"chains": [
  {"molecule_type": "dna", "chain_ids": "A", "sequence": "GGCC"},
  {"molecule_type": "rna", "chain_ids": ["B", "D"], "sequence": "GGCC"},
  {"molecule_type": "rna", "chain_ids": "C", "sequence": "GGCC", "non_canonical_residues": {"4": "5MC"}}]}}}
END
of3 predict text.json -c ob.safetensors -o text --samples 1 --recycles 1 --steps 2 --log warn >/dev/null
sed -n '/_entity_poly.entity_id/,/^#/p' text/text/seed_*/*_model.cif

echo "# FASTA and sequences"
printf 'MKT\n' >no_header.fasta
run quick no_header.fasta -c ob.safetensors -o out
printf '>empty\n>good\nMKT\n' >empty.fasta
times_off() { quick "$@" >table || code=$?; untimed <table; return $code; }
run times_off empty.fasta -c ob.safetensors -o out
: >nothing.fasta
run quick nothing.fasta -c ob.safetensors -o out
run quick mkt -c ob.safetensors -o out
run quick . -c ob.safetensors -o out
run quick /dev/null -c ob.safetensors -o out
printf '>bases\nACGTACGTACGT\n' >bases.fasta
run quick bases.fasta -c ob.safetensors -o out
printf '>A|protein|./a.a3m\nMKTAY\n>B|rna\nACGU\n' >typed.fasta
run quick typed.fasta -c ob.safetensors -o out
printf '>complex\nMKTAY:GG-GG\n' >colons.fasta
run quick colons.fasta -c ob.safetensors -o out
printf '>q\nMKT\n' >query.a3m
run quick query.a3m -c ob.safetensors -o out
bases='{"queries": {"bases": {"chains": [{'"$protein"', "sequence": "ACGTACGTACGT"}]}}}'
echo "$bases" >q.json
of3 predict q.json -c ob.safetensors -o out -n 1 --steps 1 -r 0 --log warn 2>&1 >/dev/null
echo "# Names that some disks take for one"
printf '>x\nMKTA\n>X\nMKTAY\n>N\303\244me:1\nMKTAYI\n>Na\314\210me:1\nMKT\n' >names.fasta
run times_off names.fasta -c ob.safetensors -o names
ls names
