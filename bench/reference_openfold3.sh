#!/bin/bash
# Time the reference, PyPI openfold3==0.5.0, on ubiquitin (76 residues, the sequence alone) on this machine's CPU.
#   reference_openfold3.sh CHECKPOINT [OUT] [--steps N] [--recycles N] [--samples N] [--residues N]
# Defaults: OUT /tmp/of3-reference, 200 steps, 3 recycles (4 passes through the trunk), 5 samples, seed 42; 76 residues (other
# numbers: ubiquitin over and over, cut); dummy MSA, no server, no templates, Triton kernels off (they need a GPU), float32, one loader worker (it makes the features).
# A full-size random checkpoint: shared/oracle/make_checkpoint.py OUT --variant OB --config full --no-safetensors
# OF3_REFERENCE_VENV names a virtual environment that has the package; without it, OUT/venv is made (several GB).
# Prints wall and processor time and peak memory (GNU time: of the largest single process, the network's), and seconds per
# phase, for which `run_openfold` is started through reference_phases.py.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
usage() { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }

steps=200 recycles=3 samples=5 residues=76 positional=()
while [ $# -gt 0 ]; do
  case $1 in
    --steps | --recycles | --samples | --residues) [ $# -ge 2 ] || usage; declare "${1#--}=$2"; shift 2 ;;
    -*) usage ;;
    *) positional+=("$1"); shift ;;
  esac
done
[ ${#positional[@]} -ge 1 ] && [ ${#positional[@]} -le 2 ] || usage
checkpoint=$(realpath "${positional[0]}")
out=${positional[1]:-/tmp/of3-reference}
mkdir -p "$out"
out=$(realpath "$out")

gnu_time=$(command -v /usr/bin/time || true)
if [ -z "$gnu_time" ]; then
  echo "installing GNU time (apt package time)" >&2
  apt-get install -y -qq time >/dev/null
  gnu_time=/usr/bin/time
fi

venv=${OF3_REFERENCE_VENV:-$out/venv}
if [ ! -x "$venv/bin/run_openfold" ]; then
  echo "installing openfold3==0.5.0 (pip) into $venv" >&2
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q openfold3==0.5.0
fi

sequence=$("$here/ubiquitin_sequence.sh" "$residues")
cat >"$out/query.json" <<JSON
{"queries": {"ubiquitin": {"chains": [{"molecule_type": "protein", "chain_ids": ["A"], "sequence": "$sequence"}]}}}
JSON
cat >"$out/runner.yml" <<YAML
experiment_settings: {seeds: [42], use_msa_server: false, use_templates: false}
pl_trainer_args: {accelerator: cpu, devices: 1}
data_module_args: {num_workers: 1}
model_update:
  presets: [predict]
  custom:
    settings: {memory: {eval: {use_triton_triangle_kernels: false}}}
    architecture: {shared: {num_recycles: $recycles, diffusion: {no_full_rollout_steps: $steps}}}
YAML

rm -rf "$out/prediction"
"$venv/bin/python" -c 'import torch; print("torch", torch.__version__, "threads", torch.get_num_threads(), torch.backends.cpu.get_cpu_capability())'
echo "$residues residues, $samples samples, $steps steps, $((recycles + 1)) passes, $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"
begin=$(date +%s.%N)
status=0
OPENFOLD_CACHE=$out/cache "$gnu_time" -v -o "$out/time.txt" "$venv/bin/python" "$here/reference_phases.py" predict \
  --query-json "$out/query.json" \
  --inference-ckpt-path "$checkpoint" --runner-yaml "$out/runner.yml" --use-msa-server false --use-templates false \
  --num-diffusion-samples "$samples" --output-dir "$out/prediction" >"$out/log.txt" 2>&1 || status=$?
wall=$(awk -v a="$begin" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }')
models=$(find "$out/prediction" -name '*_model.cif' 2>/dev/null | wc -l)
if [ "$status" -ne 0 ] || [ "$models" -ne "$samples" ]; then
  echo "run_openfold failed (exit $status, $models of $samples structures):" >&2
  tail -20 "$out/log.txt" | cut -c1-400 >&2
  exit 1
fi
grep -a '^phases' "$out/log.txt"
awk -F': ' -v wall="$wall" '/User time/ { u = $2 } /System time/ { s = $2 } /Maximum resident/ { m = $2 }
  END { printf "wall %.1f s, processor %.1f s, peak memory %.2f GB\n", wall, u + s, m * 1024 / 1e9 }' "$out/time.txt"
