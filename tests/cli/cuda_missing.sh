# No CUDA plugin, or no GPU: one sentence if it was demanded, else the CPU computes and a warning says so.
plugin=$(dirname "$(readlink -f "$(command -v of3)")")/of3_cuda.so
if [ -e "$plugin" ] && [ ! -e /proc/driver/nvidia ]; then
  of3 info --backends | grep -c '^cuda .*cannot compute: there is no NVIDIA driver here'
else
  echo 1
fi
export OF3_CUDA_PLUGIN=/nowhere/of3_cuda.so
run of3 predict "$UBIQUITIN" -c ob.safetensors -o out --backend cuda
[ ! -e out ] || fail "something was written"
of3 info --backends | grep '^cuda'
of3 predict "$UBIQUITIN" -c ob.safetensors -o auto --samples 2 --recycles 1 --steps 3 --log warn 2>&1 >shown | tee warned
quick "$UBIQUITIN" -c ob.safetensors -o cpu --backend cpu >shown
same_results auto cpu
