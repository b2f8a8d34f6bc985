#!/bin/bash
# What gpu.sh and the tests need on a machine that has a GPU, Python 3.12 and PyTorch but no network, as one folder of 30 MB: of3,
# its tests and its plugin for MLX's CUDA build, that build for one kind of GPU, MLX-Python, and what the reference's network imports.
#   gpu_kit.sh FOLDER [--architecture 90] [--source DIR]
# --architecture: of the GPU; 90 is H100 and H200. --source: of3's sources, here by default; another checkout, to compare with.
# On that machine, in a copy of this tree with FOLDER in it:
#   . FOLDER/enter.sh            unpacks into KIT (/tmp/of3-kit), sets OF3, OF3_MLX_PLUGIN and PYTHONPATH
#   bench/gpu.sh OUT;  $OF3 selftest --folder tests/fixtures/parity --backend mlx;  python3 bench/mlx_blocks.py $KIT/build
# Made on Debian, x86-64.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
usage() { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }

architecture=90 source=$here folder=
while [ $# -gt 0 ]; do
  case $1 in
    --architecture | --source) [ $# -ge 2 ] || usage; declare "${1#--}=$2"; shift 2 ;;
    -*) usage ;;
    *) [ -z "$folder" ] || usage; folder=$1; shift ;;
  esac
done
[ -n "$folder" ] || usage
mlx=0.32.4
"$here/tools/install.sh" build
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
site=$work/kit/site

# Wheels for the other machine's Python, alone: what else they ask for is there or is never imported.
python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 \
  --implementation cp --platform manylinux_2_35_x86_64 --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
  --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 -d "$work/wheels" \
  "mlx==$mlx" "mlx-cuda-13==$mlx" openfold3==0.5.0 biotite biotraj gemmi ml-collections
for wheel in "$work"/wheels/*.whl; do python3 -m zipfile -e "$wheel" "$site"; done

# MLX's description for CMake asks for CUDA's compiler, which linking does not need.
sed -i '/find_dependency(CU/d' "$site/mlx/share/cmake/MLX/MLXConfig.cmake"
cmake -S "$source" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DOF3_MLX=ON -DOPENBLAS= \
  -DMLX_DIR="$site/mlx/share/cmake/MLX" >/dev/null
cmake --build "$work/build" -j "$(nproc)"
for program in of3 of3_mlx.so tests/{parity,test_ops,test_ops_mlx,test_region} bench/{of3_bench_mlx,of3_mlx_blocks}; do
  install -D -s "$work/build/$program" "$work/kit/build/$program"
done
# Libraries that the programs name and a bare machine lacks.
for library in libjansson.so.4 libyaml-0.so.2 libcmocka.so.0; do
  install -D "$(cc -print-file-name=$library)" "$work/kit/lib/$library"
done

# What is not used there goes.
rm -r "$site/openfold3/tests" "$site/biotite/structure/info/components.bcif" "$site/mlx/include/mlx" "$site/mlx/share"
python3 "$here/bench/one_architecture.py" "$site/mlx/lib/libmlx.so" "$architecture"
tar -C "$work/kit" -cf - . | xz -T0 >"$folder/kit.tar.xz"

cat >"$folder/enter.sh" <<'END'
# Sourced: unpacks the kit beside this file, once, and names its parts.
KIT=${KIT:-/tmp/of3-kit}
[ -d "$KIT" ] || { mkdir -p "$KIT" && tar -C "$KIT" -xJf "$(dirname "${BASH_SOURCE[0]}")/kit.tar.xz"; }
export KIT OF3=$KIT/build/of3 OF3_MLX_PLUGIN=$KIT/build/of3_mlx.so PYTHONPATH=$KIT/site
export CUDA_HOME=${CUDA_HOME:-/usr/local/cuda} # MLX compiles kernels with its headers
# CUDA's libraries, those that PyTorch brings.
nvidia=$(python3 -c 'import nvidia; print(list(nvidia.__path__)[0])')
LD_LIBRARY_PATH=$KIT/lib:$KIT/site/mlx/lib:$(printf '%s:' "$nvidia"/*/lib)${LD_LIBRARY_PATH:-}
export LD_LIBRARY_PATH
END
du -h "$folder/kit.tar.xz"
