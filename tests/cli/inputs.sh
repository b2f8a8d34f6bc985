# Queries in every dialect: what is understood, converted and refused.
inputs() { of3 inputs "$@" >shown 2>&1 || code=$?; sed -E 's/a seed  [0-9.]+ .B of memory, /a seed  (memory), /; s/FLOP, at least .*/FLOP, at least (time)/' shown; return $code; }
printf '>q\nMKTAYIAKQR\n>h\nMKTAYLAKQR\n' >seq1.a3m

echo "# FASTA: ColabFold, Boltz, Chai, the PDB"
printf '>complex_1\nMKTAYIAK:GGSGGSGG\n' >colabfold.fasta
printf '>A|protein|./seq1.a3m\nMKTAYIAKQR\n\n>B|rna\nACGUACGU\n>C|dna\nACGTACGT\n>E|ccd\nATP\n' >boltz.fasta
printf '>protein|name=ex\nAGSHSMR(SEP)\n>rna|name=r\nGGCAGGCA\n>glycan|g\nNAG(4-1 NAG)\n' >chai.fasta
printf '>9ABC_1|Chain A|Protein X|Homo\nMKTAY\n>9ABC_2|Chains B, C[auth X]|DNA|x\nCGCG\n>9ABC_3|Chain D|RNA (8-mer)|\nGGCUUGCC\n' >rcsb.fasta
run inputs colabfold.fasta boltz.fasta
run inputs chai.fasta rcsb.fasta
printf '>a\nMKTAYIAKQR*\n>b\nmktayiakqr\n>c\nMKTA-YIAK\n>d\n  1 MKTAY IAKQR\n>e\n>f\nACGU\n' >letters.fasta
run inputs letters.fasta

echo "# Encodings"
printf '\377\376>\0a\0\n\0M\0K\0' >utf16.fasta
printf '>a\nMK\n' | gzip >packed.fasta.gz
printf '\357\273\277{"queries": {"q": {"chains": [{"molecule_type": "protein", "chain_ids": "A", "sequence": "MKT"}]}}}' >bom.json
run inputs utf16.fasta packed.fasta.gz
run inputs bom.json MKT:GGS

echo "# AlphaFold 3"
cat >af3.json <<'END'
{"name": "Job 1: test/x", "modelSeeds": [7, 8], "dialect": "alphafold3", "version": 1, "sequences": [
  {"protein": {"id": ["A", "B"], "sequence": "MKTAY", "modifications": [{"ptmType": "SEP", "ptmPosition": 3}],
    "unpairedMsa": ">query\nMKTAY\n>h\nMK-AY\n", "pairedMsa": "", "templates": []}},
  {"rna": {"id": "R", "sequence": "GACU", "modifications": [{"modificationType": "PSU", "basePosition": 4}]}},
  {"dna": {"id": "D", "sequence": "GACT", "modifications": [{"modificationType": "5MC", "basePosition": 3}]}},
  {"ligand": {"id": ["L", "M"], "ccdCodes": ["ATP"]}},
  {"ligand": {"id": "G", "ccdCodes": ["NAG", "NAG"]}}],
  "bondedAtomPairs": [[["G", 1, "O4"], ["G", 2, "C1"]]]}
END
run inputs af3.json
run quick af3.json -c ob.safetensors -o af3 2>&1 | untimed | sed "s/(seed [0-9]*, sample (k))/(seed, sample)/"
cat >server.json <<'END'
[{"name": "server", "modelSeeds": [], "dialect": "alphafoldserver", "version": 1, "sequences": [
  {"proteinChain": {"sequence": "MKT", "count": 2, "useStructureTemplate": true}}, {"ion": {"ion": "MG", "count": 1}}]},
 {"name": "sugar", "sequences": [{"proteinChain": {"sequence": "MNKS", "count": 2, "useStructureTemplate": false, "glycans": [
  {"residues": "NAG(FUC)(NAG(BMA(MAN)(MAN)))", "position": 2}, {"residues": "MAN(MAN)", "position": 4}]}},
  {"ion": {"ion": "MG", "count": 1}}]},
 {"name": "bitter", "sequences": [{"proteinChain": {"sequence": "N", "glycans": [{"residues": "GLC(NAG)", "position": 1}]}}]}]
END
run inputs server.json
run of3 inputs server.json --to af3 --out server_jobs

echo "# Templates in the file itself, with and without a map of their residues"
cp -r "$fixtures/templates/structures" "$fixtures/templates/af3_five.json" .
run inputs af3_five.json
run of3 inputs af3_five.json --to of3 --out mapped.json
of3 inputs af3_five.json --to af3 --out af3_back.json
for file in af3_five.json af3_back.json; do of3 features $file --out $file.safetensors --log error; done
cmp af3_five.json.safetensors af3_back.json.safetensors
template() { awk '{printf "%s\\n", $0}' structures/$2.cif | sed "s/.*/{\"name\": \"$1\", \"version\": 4, \"sequences\": [{\"protein\": {\"id\": \"A\", \"sequence\": \"MKTAYIAGKQRQISFVKWDE\", \"unpairedMsa\": \"\", \"pairedMsa\": \"\", \"templates\": [{\"mmcif\": \"&\"$3}]}}]}/"; }
template aligned 1aaa '' >aligned.json
template chains 2aaa ', "queryIndices": [0], "templateIndices": [0]' >chains.json
template beyond 1aaa ', "queryIndices": [0], "templateIndices": [20]' >beyond.json
template broken 1aaa ', "queryIndices": [0], "templateIndices": [0]' | sed 's/loop_/save_/' >broken.json
run inputs aligned.json
run inputs chains.json beyond.json broken.json
run of3 inputs aligned.json --to of3 --out aligned_of3.json
find aligned_of3_msas -type f
cmp aligned_of3_msas/aligned/A/template_1.cif structures/1aaa.cif

cat >myl.cif <<'END'
data_MYL
_chem_comp.id MYL
_chem_comp.name "my ligand"
_chem_comp.type non-polymer
loop_
_chem_comp_atom.comp_id
_chem_comp_atom.atom_id
_chem_comp_atom.type_symbol
_chem_comp_atom.charge
_chem_comp_atom.pdbx_leaving_atom_flag
_chem_comp_atom.pdbx_model_Cartn_x_ideal
_chem_comp_atom.pdbx_model_Cartn_y_ideal
_chem_comp_atom.pdbx_model_Cartn_z_ideal
MYL CX C 0 N 0.000 0.000 0.000
MYL CY C 0 N 1.520 0.000 0.000
MYL OZ O 0 Y 2.000 1.340 0.000
loop_
_chem_comp_bond.atom_id_1
_chem_comp_bond.atom_id_2
_chem_comp_bond.value_order
_chem_comp_bond.pdbx_aromatic_flag
CX CY SING N
CY OZ SING N
END
cat >own.json <<'END'
{"name": "own", "modelSeeds": [1], "dialect": "alphafold3", "version": 3, "userCCDPath": "myl.cif", "sequences": [
  {"protein": {"id": "A", "sequence": "GCG", "unpairedMsa": "", "pairedMsa": "", "templates": []}},
  {"ligand": {"id": "L", "ccdCodes": ["MYL"]}}], "bondedAtomPairs": [[["A", 2, "SG"], ["L", 1, "CY"]]]}
END
run inputs own.json
run of3 inputs own.json --to of3

echo "# Boltz"
cat >boltz.yaml <<'END'
version: 1
sequences:
  - protein: &p
      id: A
      sequence: MKTAYIAKQR
      msa: seq1.a3m
  - protein: {<<: *p, id: [B, C], cyclic: true, modifications: [{position: 2, ccd: SEP}]}
  - ligand: {id: L, ccd: ATP}
properties:
  - affinity: {binder: L}
END
run inputs boltz.yaml
printf 'sequences:\n  - ligand: {id: L, ccd: ATP}\nconstraints:\n  - contact: {token1: [A, 1], token2: [A, 2]}\n' >contact.yaml
run inputs contact.yaml
printf 'a: &a [x, x]\nb: *c\n' >alias.yaml
printf 'sequences: [\n' >cut.yaml
run inputs cut.yaml alias.yaml

echo "# Others"
printf '{"entities": []}' >helix.json
printf 'hello\n' >what.txt
run inputs helix.json what.txt
run inputs colabfold.fasta no.fasta
run inputs colabfold.fasta --out x
run inputs colabfold.fasta boltz.fasta --to of3
run inputs

echo "# For programs"
of3 inputs boltz.yaml --json | sed -E 's/("memory_bytes": )[0-9]+/\1(memory)/; s/("least_seconds": )[0-9.e+-]+/\1(time)/'

echo "# What became of files and templates"
cp -r "$fixtures"/alignments/pair_two* "$fixtures"/alignments/paired_files* "$fixtures"/templates .
echo 'dataset_config_kwargs: {msa: {max_rows: 8, aln_order: [uniref90_hits]}, template: {n_templates: 1}}' >few.yml
run inputs pair_two.json paired_files.json
run inputs pair_two.json --settings few.yml
run inputs templates/five.json templates/dna.json templates/two_chains.json --structures templates/structures --use-msa-server false
run inputs templates/five.json --structures templates/structures --runner-yaml few.yml
run inputs templates/five.json
run inputs templates/five.json --use-templates false
of3 inputs pair_two.json templates/dna.json --structures templates/structures --json | grep -E '"key"|"templates": .' | sed -E 's/"same_msa.*//'

echo "# A checkpoint decides the variant and the plan"
run inputs MKT -c p1.safetensors

echo "# Conversion"
run of3 inputs rcsb.fasta --to of3
run of3 inputs colabfold.fasta --to af3
run of3 inputs boltz.yaml --to af3
run of3 inputs letters.fasta --to of3 --out good.json
run inputs good.json
run of3 inputs letters.fasta --to af3
of3 inputs letters.fasta --to af3 --out jobs 2>/dev/null && fail "not all can be said"
ls jobs
run of3 inputs af3.json --to of3
of3 inputs af3.json --to of3 --out of3.json
find of3_msas -type f
of3 inputs of3.json --to af3 --out back.json
of3 inputs back.json --to of3 --out again.json
sed "s|again_msas|of3_msas|" again.json | diff - of3.json
diff -r again_msas of3_msas
for file in af3.json of3.json back.json; do of3 features $file --seed 7 --out $file.safetensors --log error; done
cmp af3.json.safetensors of3.json.safetensors
cmp af3.json.safetensors back.json.safetensors
