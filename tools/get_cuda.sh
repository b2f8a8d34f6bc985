#!/bin/sh
# Fetches CUDA's compiler into cuda-env/, where CMake looks for it (src/cuda/CMakeLists.txt): five wheels of PyPI, 104 MB to download,
# 270 MB on disk. It needs a C++ compiler beside it, but neither a GPU nor a driver. Linux. Usage: tools/get_cuda.sh [FOLDER]
set -eu
cd "$(dirname "$0")/.."
folder=${1:-cuda-env}
version=13.0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: -d "$work" "nvidia-cuda-nvcc==$version.*" \
  "nvidia-cuda-crt==$version.*" "nvidia-nvvm==$version.*" "nvidia-cuda-runtime==$version.*" "nvidia-cuda-cccl==$version.*"
for wheel in "$work"/*.whl; do python3 -m zipfile -e "$wheel" "$work/all"; done
rm -rf "$folder"
mv "$work/all/nvidia/cu13" "$folder"
# Wheels keep neither permissions nor links.
chmod +x "$folder"/bin/* "$folder"/nvvm/bin/*
ln -sfn lib "$folder/lib64"
for library in "$folder"/lib/*.so.*; do ln -sf "${library##*/}" "${library%%.so.*}.so"; done
echo "CUDA $version is in $folder"
