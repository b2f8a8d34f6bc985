# Components of the user's own, and what can be done without RDKit (with it: rdkit.sh).
OF3_RDKIT_PLUGIN=/nonexistent
export OF3_RDKIT_PLUGIN
# query FILE CHAINS [MORE]: a query called q
query() {
  printf '{"queries": {"q": {%s "chains": [%s]}}}' "${3:-}" "$2" >"$1"
}
ligand() { printf '{"molecule_type": "ligand", "chain_ids": "%s", %s}' "$1" "$2"; }
features() { run of3 features "$@" --out f.safetensors; }
cat >myl.cif <<'END'
data_MYL
_chem_comp.id MYL
_chem_comp.type non-polymer
loop_
_chem_comp_atom.atom_id
_chem_comp_atom.type_symbol
_chem_comp_atom.pdbx_model_Cartn_x_ideal
_chem_comp_atom.pdbx_model_Cartn_y_ideal
_chem_comp_atom.pdbx_model_Cartn_z_ideal
CX C 0.000 0.000 0.000
CY C 1.520 0.000 0.000
OZ O 2.000 1.340 0.000
loop_
_chem_comp_bond.atom_id_1
_chem_comp_bond.atom_id_2
_chem_comp_bond.value_order
CX CY SING
CY OZ SING
END

query sep.json '{"molecule_type": "protein", "chain_ids": "A", "sequence": "GSG", "non_canonical_residues": {"2": "SEP"}}'
features sep.json | sed 's/as RDKit makes none: .*/as RDKit makes none: .../'
query smiles.json "$(ligand L '"smiles": "CCO"')"
features smiles.json
# a file of components for all queries
query myl.json "$(ligand L '"ccd_codes": "MYL"')"
features myl.json
features myl.json --user-ccd myl.cif | sed 's/as RDKit makes none: .*/as RDKit makes none: .../'
sed 's/MYL/ATP/' myl.cif >atp.cif
query atp.json "$(ligand L '"ccd_codes": "ATP"')"
features atp.json --user-ccd myl.cif,atp.cif | sed 's/as RDKit makes none: .*/as RDKit makes none: .../'
sed 's/MYL/ALA/' myl.cif >ala.cif
features atp.json --user-ccd ala.cif
features atp.json --user-ccd myl.cif,myl.cif
features atp.json --user-ccd missing.cif
features atp.json --user-ccd INH=myl.cif
head -c 250 myl.cif >cut.cif
features atp.json --user-ccd cut.cif
features atp.json --user-ccd smiles.json
# and one of a query alone
query own.json "$(ligand L '"ccd_codes": "MYL"')" '"user_ccd_file_path": "myl.cif",'
features own.json | sed 's/as RDKit makes none: .*/as RDKit makes none: .../'
query own.json "$(ligand L '"ccd_codes": "MYL"')" '"user_ccd_file_path": "cut.cif",'
features own.json
query own.json "$(ligand L '"ccd_codes": "MYL"')" '"user_ccd_file_path": "missing.cif",'
features own.json
no_leftovers .
