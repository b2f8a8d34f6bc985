# MLX, where its plugin was built: it finds the plugin by itself, two runs give the same bytes, types are told apart.
unset OF3_MLX_PLUGIN || true
export MLX_DISABLE_COMPILE=1
of3 info --backends | grep -q '^mlx *MLX ' || skip "no MLX"
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
