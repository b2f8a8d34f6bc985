# What a component is: built in, of a dictionary, of a file; drawn; what is wrong is one sentence.
cp "$fixtures"/cif/components.cif .
run of3 molecule SEP
run of3 molecule ZN --hydrogens
run of3 molecule A1AAA
of3 ccd build components.cif -o dictionary >shown
of3 molecule A1AAA --ccd dictionary | head -12
run of3 molecule components.cif
of3 molecule components.cif --code GLC | grep -E 'code|source|^C1'
run of3 molecule components.cif --code XYZ
run of3 molecule ATP --ccd components.cif
of3 molecule HEM --svg hem.svg >shown
grep -c '<text' hem.svg
grep -c '<line' hem.svg
grep '<title>' hem.svg
run of3 molecule ala
printf 'data_x\n_entry.id x\n' >none.cif
run of3 molecule none.cif
# SMILES and mol files need RDKit (tests/unit/test_rdkit.c, where it is there).
OF3_RDKIT_PLUGIN=/nonexistent
export OF3_RDKIT_PLUGIN
run of3 molecule 'CC(=O)O'
: >acid.sdf
run of3 molecule acid.sdf
no_leftovers .
