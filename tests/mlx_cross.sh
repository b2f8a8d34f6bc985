#!/bin/sh
# Builds and links the MLX plugin and its loader for macOS on arm64, against Apple's MLX library, with zig. Nothing of
# it can run here; it keeps the code honest about what MLX has on a Mac. Usage: tests/mlx_cross.sh [FOLDER]
set -eu
cd "$(dirname "$0")/.."
folder=${1:-build-mlx-cross}
version=0.32.4
mkdir -p "$folder/objects"
if [ ! -x "$folder/env/bin/python" ]; then
  python3 -m venv "$folder/env"
  "$folder/env/bin/pip" install -q --disable-pip-version-check ziglang==0.17.1
fi
if [ ! -d "$folder/mlx" ]; then
  "$folder/env/bin/pip" download -q --disable-pip-version-check --no-deps --only-binary=:all: \
    --platform macosx_14_0_arm64 --python-version 3.11 -d "$folder" "mlx-metal==$version"
  "$folder/env/bin/python" -m zipfile -e "$folder"/mlx_metal-*.whl "$folder"
fi
zig() {
  command=$1
  shift
  "$folder/env/bin/python" -m ziglang "$command" -target aarch64-macos.14.0 -O1 -Wall -Wextra -Werror \
    -fvisibility=hidden -Isrc -Iinclude "$@"
}
objects=
for file in src/mlx/*.cpp; do
  object=$folder/objects/$(basename "$file").o
  zig c++ -std=c++20 -isystem "$folder/mlx/include" -c "$file" -o "$object"
  objects="$objects $object"
done
for file in src/tensor/ctx.c src/tensor/dtype.c src/base/status.c src/base/arena.c; do
  object=$folder/objects/$(basename "$file").o
  zig cc -std=c17 -c "$file" -o "$object"
  objects="$objects $object"
done
zig cc -std=c17 -c src/mlx/open.c -o "$folder/objects/open.c.o"
# shellcheck disable=SC2086 # a list of files
zig c++ -shared -o "$folder/of3_mlx.dylib" $objects -L"$folder/mlx/lib" -lmlx
file=$(od -A n -t x4 -N 8 "$folder/of3_mlx.dylib" | tr -d ' \n')
[ "$file" = feedfacf0100000c ] || {
  echo "of3_mlx.dylib is not a Mach-O library for arm64: it begins with $file" >&2
  exit 1
}
echo "of3_mlx.dylib links against mlx-metal $version"
