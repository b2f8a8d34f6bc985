# No MLX plugin: one sentence if it was demanded, else the CPU computes and a warning says so.
export OF3_MLX_PLUGIN=/nowhere/of3_mlx.so
run of3 predict "$UBIQUITIN" -c ob.safetensors -o out --backend mlx
[ ! -e out ] || fail "something was written"
of3 info --backends | grep '^mlx'
of3 predict "$UBIQUITIN" -c ob.safetensors -o auto --samples 2 --recycles 1 --steps 3 --log warn 2>&1 >shown | tee warned
quick "$UBIQUITIN" -c ob.safetensors -o cpu --backend cpu >shown
same_results auto cpu
# a file that is no library
echo "no library" >broken.so
OF3_MLX_PLUGIN=$PWD/broken.so of3 predict "$UBIQUITIN" -c ob.safetensors -o out --backend mlx 2>&1 | grep -c 'cannot be opened'
