# A query with a list of ligands. Components by code, so that no RDKit is needed; SMILES: tests/unit/test_ligand_list.c.
OF3_RDKIT_PLUGIN=/nonexistent
export OF3_RDKIT_PLUGIN
cat >protein.json <<END
{"queries": {"prot": {"chains": [{"molecule_type": "protein", "chain_ids": "A", "sequence": "MKTAYIAK"},
  {"molecule_type": "ligand", "chain_ids": "X", "ccd_codes": "MG"}]}}}
END
cat >ligands.csv <<END
id;remark;CCD
glycerol;"first; and a quote "" in it";GOL
bad one;no such component;ZZZZZ
;without a name;ACT
glycerol;again;EDO
"a/b é";;NAG
empty;;
END
# without what depends on the machine: scores
table() { cut -d, -f1-5,15- "$1" | sed 's/_best_model/_BEST/'; }

echo "# each ligand is a query of its own; one that cannot be fails alone, with its line"
run quick protein.json --ligands ligands.csv -c ob.safetensors -o out --jobs 1 >shown
untimed <shown | sed -E '/^(Best|prot_.*BEST|query)/d'
table out/ligands.csv | LC_ALL=C sort
scores=$(cut -d, -f6 out/ligands.csv | sed -n '2,5p')
[ "$scores" = "$(echo "$scores" | LC_ALL=C sort -gr)" ] || fail "not sorted by score: $scores"
cut -d, -f7-9 out/ligands.csv | sed -n '2,5p' | grep -vqE '^-?[0-9.e-]+,[0-9.]+,[0-9.]+$' && fail "scores are missing"
no_leftovers out

echo "# the same bytes as a query written by hand"
cat >alone.json <<END
{"queries": {"prot_glycerol": {"chains": [{"molecule_type": "protein", "chain_ids": "A", "sequence": "MKTAYIAK"},
  {"molecule_type": "ligand", "chain_ids": "X", "ccd_codes": "MG"}, {"molecule_type": "ligand", "chain_ids": "L", "ccd_codes": "GOL"}]}}}
END
quick alone.json -c ob.safetensors -o alone --jobs 1 >shown
for f in $(cd alone/prot_glycerol && find . -name '*_sample_*'); do
  cmp "alone/prot_glycerol/$f" "out/prot_glycerol/$f" || fail "$f differs"
done

echo "# the same command again: nothing is computed, the table is the same"
cp out/ligands.csv before.csv
rm out/ligands.csv
code=0
of3 predict protein.json --ligands ligands.csv -c ob.safetensors -o out --samples 2 --recycles 1 --steps 3 >shown 2>&1 || code=$?
echo "exit $code, $(grep -c ': complete from an earlier run$' shown) complete from an earlier run"
cmp before.csv out/ligands.csv || fail "the table is another one"

echo "# a result that is lost is made again, a ligand more is added"
rm -r out/prot_3
printf 'more;;CL\n' >>ligands.csv
quick protein.json --ligands ligands.csv -c ob.safetensors -o out >shown 2>&1 || true
grep -c ,complete, out/ligands.csv
grep -v ^more, out/ligands.csv | cmp - before.csv || fail "the table is another one"

echo "# interrupted: complete ligands are in the table, the others are left; then it goes on"
for i in 1 2 3 4 5 6 7 8; do echo "n$i,GOL"; done | sed '1i name,ccd' >eight.csv
short && steps=50 || steps=2000 # enough for the signal to come before the last ligand
of3 predict protein.json --ligands eight.csv -c ob.safetensors -o cut --jobs 1 --batch 1 --samples 2 --recycles 1 --steps $steps >shown 2>&1 &
pid=$!
tries=0
until [ -e cut/prot_n1/seed_42/of3_run.json ]; do
  tries=$((tries + 1))
  [ $tries -lt 2400 ] || fail "the first ligand never came: $(cat shown)"
  sleep 0.05
done
kill -INT $pid
code=0
wait $pid || code=$?
echo "exit $code"
done=$(grep -c ,complete, cut/ligands.csv)
[ "$done" -ge 1 ] && [ "$done" -lt 8 ] && [ "$(grep -c ,left, cut/ligands.csv)" = $((8 - done)) ] || fail "$(cat cut/ligands.csv)"
no_leftovers cut
of3 predict protein.json --ligands eight.csv -c ob.safetensors -o cut --samples 2 --recycles 1 --steps $steps >shown 2>&1
grep -c ,complete, cut/ligands.csv
[ "$(grep -c ': complete from an earlier run$' shown)" = "$done" ] || fail "complete ligands were computed again"

echo "# the chain of the ligands: a ligand of the query gives way"
printf 'name,ccd\ng,GOL\n' >one.csv
quick protein.json --ligands one.csv --ligand-chain X -c ob.safetensors -o chain >shown
grep -c '^HETATM' chain/prot_g/prot_g_best_model.cif
run quick protein.json --ligands one.csv --ligand-chain A -c ob.safetensors -o no
run quick protein.json --ligand-chain A -c ob.safetensors -o no

echo "# lists that cannot be used"
printf 'name,code\na,GOL\n' >column.csv
printf '# nothing\n\n' >none.smi
printf 'name,smiles\n' >rows.csv
printf 'C\0C\n' >zero.smi
for f in column.csv none.smi rows.csv zero.smi missing.smi .; do run quick protein.json --ligands $f -c ob.safetensors -o no; done
[ ! -e no ] || fail "a refused list left a folder"

echo "# an SDF file that was cut off, and SMILES without RDKit"
printf 'one\n\n\n  1  0  0  0  0  0            999 V2000\n    0.0    0.0    0.0 C   0  0\nM  END\n$$$$\ntwo\n\n\n  1  0' >cut.sdf
quick protein.json --ligands cut.sdf -c ob.safetensors -o sdf 2>&1 | grep -o 'line 8 of .*cut off'
printf 'CCO ethanol\n' >ethanol.smi
quick protein.json --ligands ethanol.smi -c ob.safetensors -o smi 2>&1 | grep -c "query 'prot_ethanol' (line 1 of 'ethanol.smi'), seed 42: chain L: .*RDKit" 
