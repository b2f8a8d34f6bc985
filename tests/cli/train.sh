# Training: a run that is interrupted or killed goes on with the same bytes, and what cannot be used is refused with a sentence.
mkdir in
cp "$fixtures"/data/clean.cif in/
of3 data build in -o a.set --log error >/dev/null
cp "$OF3_TESTS"/cli/train.yaml t.yaml

# What differs from run to run: seconds, and the last digits of numbers, which depend on the instruction set.
steps() { sed -E 's/loss .*/(numbers)/; s/^(memory|blocks|work of an entry): .*/\1: (numbers)/'; }
newest() { ls "$1/checkpoints" | sort -t- -k2n | tail -1; }

of3 train t.yaml -o planned --plan | steps
code=0
of3 train t.yaml -o planned --plan --max-memory 2MB 2>shown || code=$?
sed -E 's/needs [0-9.]+ .B/needs N/; s/take [0-9]+ instead/take N instead/' shown
echo "exit $code"
[ ! -e planned ] || fail "a plan writes nothing"
of3 train t.yaml -o whole 2>&1 | steps
files whole

# Killed while it computes or writes, once after each checkpoint.
for step in 1 2 3; do
  of3 train t.yaml -o killed --resume auto --log error >/dev/null 2>&1 &
  pid=$!
  while [ ! -e "killed/checkpoints/$step-$step.safetensors" ]; do sleep 0.02; done
  sleep "0.$(($$ * step % 10))"
  kill -9 $pid 2>/dev/null || true
  wait $pid 2>/dev/null || true
done
of3 train t.yaml -o killed --resume auto --log error >/dev/null
cmp "whole/checkpoints/$(newest whole)" "killed/checkpoints/$(newest killed)" && echo "the same checkpoint"
cut -d, -f1-3 whole/train.csv >a.csv
cut -d, -f1-3 killed/train.csv | cmp - a.csv && echo "the same rows"
no_leftovers killed

# Interrupted: the step is finished and saved.
of3 train t.yaml -o stopped --log error >/dev/null 2>&1 &
pid=$!
while [ ! -e stopped/checkpoints/1-1.safetensors ]; do sleep 0.05; done
kill -TERM $pid
code=0
wait $pid || code=$?
[ $code = 143 ] || [ $code = 0 ] || fail "exit $code"
of3 train t.yaml -o stopped --resume auto --threads 1 --log error >/dev/null
cmp "whole/checkpoints/$(newest whole)" "stopped/checkpoints/$(newest stopped)" && echo "the same checkpoint"

# From any of them, and what a prediction makes of one.
of3 train t.yaml -o other --resume whole/checkpoints/2-2.safetensors --log error >/dev/null
cmp "whole/checkpoints/$(newest whole)" "other/checkpoints/$(newest other)" && echo "the same checkpoint"
of3 info "whole/checkpoints/$(newest whole)" | grep variant
of3 predict MKTA -c "whole/checkpoints/$(newest whole)" -o fold --samples 1 --recycles 0 --steps 2 --log error >/dev/null

# As torch.save would write it, there and back.
of3 convert "whole/checkpoints/$(newest whole)" a.pt --dtype f32 | sed "s/: .*/: SIZE/"
of3 convert a.pt b.safetensors --dtype f32 >/dev/null
of3 convert b.safetensors c.pt --dtype f32 >/dev/null
cmp a.pt c.pt && echo "the same weights"
of3 info a.pt | grep format

# Fine-tuning: weights of another file alone, whose network it is.
sed -e 's/seed: 3/seed: 3, restart_checkpoint_path: ob.safetensors, ckpt_load_settings: {manual_checkpoint_loading: true}/' \
  -e '/^of3:/d' -e '/network:/d' -e 's/max_steps: 4/max_steps: 1/' t.yaml >fine.yaml
of3 train fine.yaml -o fine 2>&1 | steps

# What is refused.
run of3 train t.yaml -o whole
run of3 train t.yaml -o none --resume ob.safetensors
run of3 train missing.yaml
sed 's/warmup_no_steps: 2/warmup_no_steps: two/' t.yaml >bad.yaml
run of3 train bad.yaml -o none
sed 's/max_steps: 4/max_stepps: 4/' t.yaml >bad.yaml
run of3 train bad.yaml -o none
sed 's/lr_scheduler:/optimizer: {learning_rate: nan}, lr_scheduler:/' t.yaml >bad.yaml
run of3 train bad.yaml -o none
sed 's/a.set/b.set/' t.yaml >bad.yaml
run of3 train bad.yaml -o none
sed 's/c_s: 16,/c_s: 24,/' t.yaml >bad.yaml
run of3 train bad.yaml -o none --resume "whole/checkpoints/$(newest whole)"
head -c 50000 "whole/checkpoints/$(newest whole)" >cut.safetensors
run of3 train t.yaml -o none --resume cut.safetensors
