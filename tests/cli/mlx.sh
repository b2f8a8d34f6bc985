# MLX, where its plugin was built: it finds the plugin by itself, two runs give the same bytes, types are told apart.
unset OF3_MLX_PLUGIN || true
export MLX_DISABLE_COMPILE=1
of3 info --backends >backends
if ! grep -q '^mlx *MLX ' backends; then
  [ ! -e "$(dirname "$(readlink -f "$(command -v of3)")")/of3_mlx.so" ] || fail "the plugin was built and does not open: $(cat backends)"
  skip "no MLX"
fi
grep '^mlx' backends >backends-mlx
# an installed program finds its plugin, and the plugin MLX
cmake --install "$(dirname "$(readlink -f "$(command -v of3)")")" --prefix "$work/installed" >"$work/install.log"
"$work/installed/bin/of3" info --backends | grep '^mlx' | cmp - backends-mlx
for v in p1 p2 ob; do
  quick "$UBIQUITIN" -c $v.safetensors -o $v-1 --backend mlx >shown
  quick "$UBIQUITIN" -c $v.safetensors -o $v-2 --backend mlx >shown
  same_results $v-1 $v-2
done
echo "equal"
# another backend is another result, and so is another type
quick "$UBIQUITIN" -c ob.safetensors -o ob-1 --backend cpu >shown
grep -c '"backend": "cpu"' ob-1/experiment_config.json
for t in bf16 f16; do
  quick "$UBIQUITIN" -c ob.safetensors -o $t --backend mlx --dtype $t >shown
  grep -c "\"dtype\": \"$t\"" $t/experiment_config.json
done
# activations beyond 65504: f16 has no such numbers
edit_checkpoint ob.safetensors huge.safetensors huge pairformer_stack.blocks.0.single_transition.linear_out.weight
run quick MKT -c huge.safetensors -o huge --backend mlx --dtype f16 |
  sed -E 's/: the (denoiser|head).* gave numbers/: (the denoiser or a head) gave numbers/'
[ ! -e huge/query ] || fail "results that are not finite were written"
quick MKT -c huge.safetensors -o huge --backend mlx --dtype bf16 >shown
# of3 bench measures it: phases and operations, the peak by a product; what makes no sense is refused
of3 bench --backend mlx -c ob.safetensors --tokens 9 --passes 1 --steps 2 --what phases >phases
sed -nE '2s/[0-9.]+ [MG]?B/N/g; 2s/.*; //p' phases
grep -oE '^(loading weights|first fold|inputs|trunk pass|denoiser preparation|denoiser step|heads) +[0-9]+' phases | sed -E 's/ +/ /g'
of3 bench --backend mlx -c ob.safetensors --tokens 9 --passes 1 --steps 2 --what kernels | grep -c '^triangle_mul'
of3 bench --backend mlx --what peak --json | grep -cE '"device": "[a-z]+".*|"peak_flop_per_second": [0-9.e+]+, "peak_product": [0-9]+}'
run of3 bench --backend mlx --processor-time
run of3 bench --backend mlx --isa plain
