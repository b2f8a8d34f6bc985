# --log debug says what the reference computed, for want of a kernel: each shape once, and all calls at the end.
of3 predict MKT -c ob.safetensors -o out --backend cpu --isa plain --samples 2 --recycles 0 --steps 3 --log debug >shown 2>said
grep '^debug: reference: fourier' said
grep '^debug: calls that the reference did' said | grep -oE 'fourier [0-9]+'
[ "$(grep '^debug: reference:' said | sort | uniq -d | wc -l)" = 0 ] || fail "something was said twice"
of3 predict MKT -c ob.safetensors -o out --overwrite --backend cpu --samples 2 --recycles 0 --steps 3 >shown 2>said
! grep debug said || fail "said without being asked"
