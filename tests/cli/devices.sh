# A backend with several devices: each is shown, --device takes its number, and no other number.
fakes=$(dirname "$(readlink -f "$(command -v of3)")")/tests/fakes
[ -e "$fakes/fake_good.so" ] || skip "no fake plugin"
export OF3_MLX_PLUGIN="$fakes/fake_good.so"
of3 info --backends | grep -A 2 '^mlx'
run of3 predict MKT -c ob.safetensors -o out --device 2
run of3 predict MKT -c ob.safetensors -o out --backend cpu --device 1
[ ! -e out ] || fail "something was written"
