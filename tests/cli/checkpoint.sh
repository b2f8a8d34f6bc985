# Checkpoints that cannot be used: one sentence, exit 1, nothing written.
bad() { # bad TITLE FILE
  echo "# $1"
  run quick MKT -c "$2" -o out
  [ ! -e out ] || fail "something was written"
}
echo hello >hello.pt
bad "no checkpoint" hello.pt
: >empty.pt
bad "empty" empty.pt
head -c 1000000 ob.safetensors >short.safetensors
bad "truncated" short.safetensors
head -c 300 ob.safetensors >header.safetensors
bad "truncated in the header" header.safetensors
sed '1s/"dtype"/"dtypo"/' ob.safetensors >corrupt.safetensors
bad "corrupted header" corrupt.safetensors
cp "$fixtures/io/flat.pt" flat.pt
bad "torch file of something else" flat.pt
head -c 1500 "$fixtures/io/flat.pt" >short.pt
bad "truncated torch file" short.pt
cp "$fixtures/io/malicious.pt" malicious.pt
bad "pickle with a foreign global" malicious.pt
name=pairformer_stack.blocks.0.pair_stack.tri_mul_out.linear_a_p.weight
for how in drop narrow; do
  edit_checkpoint ob.safetensors $how.safetensors $how $name
  bad "$how a tensor" $how.safetensors
done
edit_checkpoint ob.safetensors add.safetensors add surprise.weight
bad "an extra tensor" add.safetensors
mkdir folder
bad "a folder" folder

echo "# weights that are not numbers"
edit_checkpoint ob.safetensors nan.safetensors nan pairformer_stack.blocks.0.pair_stack.tri_mul_out.layer_norm_in.weight
run quick MKT -c nan.safetensors -o out
for head in pae pde plddt distogram; do
  edit_checkpoint ob.safetensors $head.safetensors nan aux_heads.$head.linear.weight
  run quick MKT -c $head.safetensors -o out
done
edit_checkpoint pae.safetensors two.safetensors nan aux_heads.pde.layer_norm.bias
run quick MKT -c two.safetensors -o out
edit_checkpoint ob.safetensors denoiser.safetensors nan diffusion_module.atom_attn_dec.linear_q_out.weight
run quick MKT -c denoiser.safetensors -o out
[ ! -e out/query ] || fail "results of a broken network were written"
# no score reads this head
edit_checkpoint ob.safetensors resolved.safetensors nan aux_heads.experimentally_resolved.linear.weight
quick MKT -c resolved.safetensors -o resolved >shown
! grep -rq NaN resolved || fail "not finite"

echo "# info and convert say the same"
run of3 info hello.pt
run of3 info malicious.pt
run of3 convert short.safetensors out.safetensors
[ ! -e out.safetensors ] || fail "a file was written"
