# Ligands by SMILES and files, and conformers, with RDKit; nothing here depends on its version.
of3 info | grep -q '^rdkit *RDKit ' || fail "the plugin was built and does not open: $(of3 info | grep '^rdkit')"
query() { printf '{"queries": {"q": {"chains": [%s]}}}' "$2" >"$1"; }
ligand() { printf '{"molecule_type": "ligand", "chain_ids": "%s", %s}' "$1" "$2"; }
# what a query is made of, or why not
try() {
  query q.json "$1"
  run of3 features q.json --out f.safetensors
}
smiles() { try "$(ligand L "\"smiles\": \"$1\"")"; }

# salts, isotopes and written hydrogens, metals
smiles 'CCN.CCS(=O)(=O)O'
smiles '[2H]C([2H])([2H])O[H]'
smiles '[Cu+2]'
smiles 'Cl[Pt](Cl)([NH3])[NH3]'
# refused: valence, aromaticity, no element, no heavy atom, names
smiles 'CN(C)(C)C'
smiles 'c1ccnc1'
smiles 'CC*'
smiles '[H][H]'
smiles 'C1CC'
smiles 'CC(=O'
smiles 'CZC'
smiles "$(printf 'C%.0s' $(seq 1000))"
smiles "C$(head -c 300000 /dev/zero | tr '\0' '(')"
smiles '[C+999999999]'
smiles '[CH257]'
try "$(ligand L '"smiles": "CCO", "ligand_name": "gap"')"

# names of ligands, and their order; a file
cat >acid.sdf <<'END'
MYX
  by hand

  4  3  0  0  0  0            999 V2000
    0.0000    0.0000    0.0000 C   0  0
    1.5000    0.0000    0.0000 C   0  0
    2.1000    1.0600    0.0000 O   0  0
    2.2000   -1.1000    0.3000 O   0  5
  1  2  1  0
  2  3  2  0
  2  4  1  0
M  CHG  1   4  -1
M  END
$$$$
END
query q.json "$(ligand A '"smiles": "O"'), $(ligand B '"smiles": "CCO"'), $(ligand C '"sdf_file_path": "acid.sdf"'), $(
  ligand D '"smiles": "CCN", "ligand_name": "amin"'), $(ligand E '"ccd_codes": "GOL"')"
quick q.json -c ob.safetensors -o out >shown
awk '$1 == "HETATM" { print $3, $4, $6, $7 }' out/q/seed_42/q_seed_42_sample_1_model.cif
head -c 200 acid.sdf >cut.sdf
try "$(ligand L '"sdf_file_path": "cut.sdf"')"
printf '\n\n\n  0  0  0     0  0            999 V3000\nM  V30 BEGIN CTAB\nM  V30 COUNTS 1000000000 0 0 0 0\nM  END\n' >many.sdf
try "$(ligand L '"sdf_file_path": "many.sdf"')"
# as a component
try "$(ligand L '"ccd_codes": "MYX"')"
run of3 features q.json --user-ccd acid.sdf --out f.safetensors
run of3 features q.json --user-ccd INH=acid.sdf --out f.safetensors
sed '1s/.*/a name/' acid.sdf >named.sdf
run of3 features q.json --user-ccd named.sdf --out f.safetensors

# the same with any number of workers, and a second time; another version of RDKit would compute again
printf '{"queries": {"a": {"chains": [%s]}, "b": {"chains": [%s]}, "c": {"chains": [%s]}}}' \
  "$(ligand L '"smiles": "CCO"')" "$(ligand L '"smiles": "CCCO"')" "$(ligand L '"smiles": "CCO"')" >q.json
quick q.json -c ob.safetensors -o one --threads 2 --jobs 1 >shown
quick q.json -c ob.safetensors -o two --threads 2 --jobs 2 >shown
same_results one two
of3 predict q.json -c ob.safetensors -o one --samples 2 --recycles 1 --steps 3 2>&1 | grep -c 'complete from an earlier run'
OF3_RDKIT_PLUGIN=/nonexistent of3 predict q.json -c ob.safetensors -o one --samples 2 --recycles 1 --steps 3 2>&1 | grep -c 'computing again'
no_leftovers .
