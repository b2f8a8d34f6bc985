# Pictures of confidences, structures, alignments and training logs; what cannot be drawn is one sentence.
quick MKTAYIAK -c p1.safetensors -o out >shown 2>&1
run of3 plot out/query/seed_42 -o pictures --format both
rows() { sed -n 's/.*>\([^<]*\)<\/text>.*/\1/p' "$1" | grep -E "$2"; }
for picture in pictures/*.svg; do
  grep -c '<text' "$picture"
done
rows "$(ls pictures/*_1_pae.svg)" 'token|error'
rows "$(ls pictures/*_1_plddt.svg)" 'pLDDT|high|low'
head -c 4 "$(ls pictures/*_1_pae.png)" | od -An -c
of3 plot out/query/seed_42 -o again --format both >shown
diff -r pictures again && echo 'the same bytes'
cp "$fixtures"/alignments/paired_off/a/colabfold_main.a3m .
run of3 plot colabfold_main.a3m --title 'a & b'
rows colabfold_main_coverage.svg 'a &|sequences'
mkdir run
printf 'step,loss,diffusion_loss,lddt\n1,4,3,\n2,3.5,2.5,0.25\n3,3,2,0.3\n' >run/train.csv
printf 'step,seconds,lddt_intra_complex\n2,1,0.3\n3,1,0.4\n' >run/validation.csv
run of3 plot run
rows run/loss.svg 'loss|lDDT|diffusion'
run of3 plot p1.safetensors
run of3 plot nothing.a3m
mkdir empty
run of3 plot empty
echo '{"pae": [[1, 2], [3]]}' >short_confidences.json
run of3 plot short_confidences.json
echo '{"pae": [[1, "x"], [3, 4]]}' >text_confidences.json
run of3 plot text_confidences.json
echo '{"plddt": [1]}' >none_confidences.json
run of3 plot none_confidences.json
printf 'data_x\n_entry.id x\n' >none_model.cif
run of3 plot none_model.cif
echo 'no record' >none.a3m
run of3 plot none.a3m
echo 'a,b' >train.csv
run of3 plot train.csv
run of3 plot run --format gif
no_leftovers .
