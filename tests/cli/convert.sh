# info and convert; converted weights fold alike.
run of3 info ob.safetensors
run of3 convert ob.safetensors f32.safetensors
run of3 convert ob.safetensors bf16.safetensors --dtype bf16
of3 info bf16.safetensors | grep -E 'variant|tensors|parameters|bytes'
of3 info p1.safetensors | grep variant
of3 info p2.safetensors | grep variant
quick MKTAYIA -c ob.safetensors -o a >shown
quick MKTAYIA -c f32.safetensors -o b >shown
for f in a/query/seed_42/*model.cif; do cmp "$f" "b/${f#a/}"; done
quick MKTAYIA -c bf16.safetensors -o c >shown
files c/query/seed_42
of3 info "$demo/of3-demo.safetensors" | grep -vE '^file '
of3 info --cpu | sed -E 's/ +.*//'
