# The help of every command.
run of3
run of3 help
run of3 --version
for c in predict info convert features ccd molecule plot; do run of3 $c --help; done
run of3 help nonsense
[ "$(of3 help predict)" = "$(of3 predict -h)" ] || fail "help predict and predict -h differ"
