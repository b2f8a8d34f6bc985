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
# without a name it goes to the default place, where it is found, unless OF3_CCD says otherwise
XDG_DATA_HOME=data
export XDG_DATA_HOME
run of3 ccd build components.cif
(unset OF3_CCD && run of3 molecule A1AAA | head -3 && of3 info | grep '^components')
of3 info | grep '^components'
OF3_CCD=a of3 info | grep '^components'
OF3_CCD=missing run of3 features MKT --out f.safetensors
HOME='' XDG_DATA_HOME='' run of3 ccd build components.cif
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
