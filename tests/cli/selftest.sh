# The parity ladder as a table; what cannot be run is refused. The numbers depend on the machine.
set -- # a build in the source tree finds it by itself
[ -e "$(dirname "$(readlink -f "$work/bin/of3")")/../tests/fixtures" ] || set -- --folder "$fixtures/parity"
of3 selftest --backend cpu "$@" | sed -E 's/^of3 .*/(what, where)/; s/[0-9.]+e-[0-9]+ \| [^|]+ \| [0-9.]+/(deviations)/'
run of3 selftest --backend cpu --dtype f16
run of3 selftest --program nowhere
mkdir empty
of3 selftest --folder empty >shown 2>complained && fail "it passed without fixtures"
sed 's/.*\(fixture_p1\)/\1/' complained
