# Outputs and inputs that are no regular files, and links.
mkfifo fifo
for target in fifo .; do
  run of3 convert ob.safetensors $target
  run of3 features MKT --out $target --log error
done
[ -p fifo ] || fail "the FIFO is gone"
echo "# links stay, what they lead to is written"
mkdir there
ln -s there/real link
ln -s link link2
run of3 convert ob.safetensors link2
run of3 features MKT --out link --log error
[ "$(readlink link2) $(readlink link)" = "link there/real" ] || fail "a link is gone"
of3 features MKT --out plain --log error
cmp plain there/real
ln -s loop loop
run of3 convert ob.safetensors loop
echo "# through descriptors"
of3 features MKT --out /dev/stdout --log error | cmp - plain
of3 features MKT --out /dev/fd/3 --log error 3>by_number
cmp by_number plain
of3 convert ob.safetensors weights >shown
of3 convert ob.safetensors /dev/stdout 2>message | cmp - weights
cat message
printf 'kept ' >appended
of3 features MKT --out /dev/stdout --log error >>appended
head -c 5 appended
tail -c +6 appended | cmp - plain && echo "and appended"
run of3 features MKT --out /dev/null --log error
[ -c /dev/null ] || fail "/dev/null is gone"
[ ! -c /dev/full ] || of3 features MKT --out /dev/full --log error >shown 2>&1 && fail "/dev/full was filled"
if [ "$(id -u)" = 0 ] && mknod null c 1 3 2>/dev/null && mknod disk b 7 200 2>/dev/null; then
  of3 convert ob.safetensors null >shown
  of3 convert ob.safetensors disk >shown 2>&1 && fail "a block device was written"
  grep -q 'disk.: it is a block device, which is not replaced' shown || fail "$(cat shown)"
  of3 predict MKT -c null -o out >shown 2>&1 && fail "a device is a checkpoint"
  grep -q 'null.: it is a character device' shown || fail "$(cat shown)"
  [ -c null ] && [ -b disk ] || fail "a device was replaced"
fi
echo "# files of predict"
mkdir -p out/query
ln -s ../../elsewhere.cif out/query/query_best_model.cif
ln -s ../settings.json out/model_config.json
quick MKT -c ob.safetensors -o out >shown
[ -f elsewhere.cif ] && [ -f settings.json ] && [ -L out/model_config.json ] || fail "links were replaced"
rm out/model_config.json
mkfifo out/model_config.json
run quick MKT -c ob.safetensors -o out
[ -p out/model_config.json ] || fail "the FIFO of the output folder is gone"
run quick MKT -c ob.safetensors -o fifo
no_leftovers .
echo "# inputs are refused before they are opened"
run of3 info fifo
run quick MKT -c fifo -o out2
run quick fifo -c ob.safetensors -o out2
run of3 features MKT --conformers fifo --out f --log error
cat >fifo.json <<END
{"queries": {"q": {"chains": [{"molecule_type": "protein", "chain_ids": ["A"], "sequence": "MKT", "main_msa_file_paths": ["fifo.a3m"]}]}}}
END
mkfifo fifo.a3m
run of3 features fifo.json --out f --log error
echo "# where results go: a link to a folder is followed, and nothing but a folder is replaced"
mkdir -p out4/query kept/seed_9
echo mine >kept/mine.txt
ln -s ../../kept out4/query/seed_42
quick MKT -c ob.safetensors -o out4 >shown
quick MKT -c ob.safetensors -o out4 --overwrite >shown
[ -L out4/query/seed_42 ] && [ -f kept/of3_run.json ] && [ -f kept/mine.txt ] && [ -d kept/seed_9 ] || fail "the link, or what it leads to, is gone"
rm out4/query/seed_42
mkfifo out4/query/seed_42
run quick MKT -c ob.safetensors -o out4
[ -p out4/query/seed_42 ] || fail "a FIFO was replaced"
rm out4/query/seed_42
echo mine >out4/query/seed_42
run quick MKT -c ob.safetensors -o out4 --overwrite
[ "$(cat out4/query/seed_42)" = mine ] || fail "a file was replaced"
rm out4/query/seed_42
ln -s nowhere out4/query/seed_42
run quick MKT -c ob.safetensors -o out4
[ -L out4/query/seed_42 ] || fail "a link was replaced"
no_leftovers out4
[ ! -e out4/.of3-new ] || fail "the stage is there"
