#!/bin/sh
# Builds everything with clang 14, warnings as errors, and runs what may come out otherwise than with gcc: the kernels of all
# instruction sets and the network, whose numbers depend on the compiler; what depends on floating point, packed structures, atomics
# and signed overflow otherwise. Without the plugins: that of MLX tests/macos_cross.sh compiles with a newer clang; RDKit comes with libstdc++.
set -eu
cd "$(dirname "$0")/.."
tools/install.sh build clang
jobs=$(getconf _NPROCESSORS_ONLN)
cmake --preset clang -DOF3_MLX=OFF -DOF3_RDKIT=OFF >/dev/null
cmake --build build-clang -j "$jobs"
# Left out: the command line's cases, which are about files and words; plans and large sizes; what counts allocations; the network on
# the reference, on the backend without kernels and on tapes, and the way back: C without vectors. test_ops looks at kernels only
# (test_ops_kernels).
without='^test_ops$|^cli_|^includes$|_memory$|^test_(plan|backward|gradient|tree|record|ranking|run_files|manifest)$|_reference|_own_memory|_tape|_mlx|^parity_demo'
cd build-clang
exec ctest -C kernels --output-on-failure -j "$jobs" -E "$without"
