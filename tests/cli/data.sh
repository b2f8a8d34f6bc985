# Training sets: made of a folder, listed; what cannot be used is left out with a sentence, and nothing half-written stays.
mkdir in empty msas
cp "$fixtures"/data/clean.cif in/
printf '>query\nMRNCGACGG\n>hit\nMRNCGAC-G\n' >msas/clean_A.a3m
gzip -c in/clean.cif >in/packed.cif.gz
head -c 3000 in/clean.cif >in/cut.cif
echo 'data_X' >in/nothing.cif
cp in/clean.cif in/notes.txt
run of3 data build in --alignments msas -o a.set
run of3 data list a.set
run of3 data build in -o b.set --until 2001-12-31 --worst-resolution 1.9
run of3 data build in -o c.set --from 2002-01-01
run of3 data build in -o c.set --until 2001
run of3 data build empty -o c.set
run of3 data build missing -o c.set
run of3 data build in
run of3 data list in/clean.cif
printf 'one\tclean_A\nbroken\n' >clusters.tsv
run of3 data build in -o c.set --clusters clusters.tsv
run of3 data make in -o c.set
head -c 2000 a.set >cut.set
run of3 data list cut.set
[ ! -e c.set ]
no_leftovers .
