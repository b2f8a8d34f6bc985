# The dictionary of components: built from text and BinaryCIF; what is wrong is one sentence, and nothing is left.
cp "$fixtures"/cif/*.cif "$fixtures"/cif/*.bcif .
run of3 ccd build components.cif -o a
run of3 ccd build components.bcif -o b
cmp a b
gzip -c components.cif >packed.cif.gz
of3 ccd build --compact components.cif -o small >shown
[ "$(wc -c <small)" -lt "$(wc -c <a)" ]
of3 ccd build packed.cif.gz -o c >shown
cmp a c
printf 'ALA HEM\n' >codes
run of3 ccd build components.cif -o a --only codes
run of3 ccd build components.cif
run of3 ccd make components.cif -o d
run of3 ccd build missing.cif -o d
run of3 ccd build encodings.cif -o d
head -c 4000 components.cif >cut.cif
run of3 ccd build cut.cif -o d
head -c 4000 components.bcif >cut.bcif
run of3 ccd build cut.bcif -o d
head -c 4000 packed.cif.gz >cut.cif.gz
run of3 ccd build cut.cif.gz -o d
[ ! -e d ]
no_leftovers .
