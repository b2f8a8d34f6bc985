#!/bin/sh
# Fetches MLX into mlx-env/, where CMake looks for it (src/mlx/CMakeLists.txt). Usage: tools/get_mlx.sh [FOLDER]
# Linux: the CPU build, with OpenBLAS from the system. macOS: the Metal build; Homebrew's mlx works as well.
set -eu
cd "$(dirname "$0")/.."
folder=${1:-mlx-env}
case $(uname) in
Darwin) package=mlx-metal ;;
*) package=mlx-cpu ;;
esac
version=0.32.4

if [ "$package" = mlx-cpu ] && command -v apt-get >/dev/null && [ ! -e /usr/include/cblas.h ] &&
  [ ! -e "/usr/include/$(uname -m)-linux-gnu/cblas.h" ]; then
  sudo=
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -q=2
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q=2 --no-install-recommends g++ libopenblas-dev python3-venv
fi
python3 -m venv "$folder"
if [ "$package" = mlx-metal ]; then
  # Only its library is wanted. pip would not install it for the Python 3.9 that comes with Apple's compilers.
  system=$(sw_vers -productVersion)
  "$folder/bin/pip" download -q --disable-pip-version-check --no-deps --only-binary=:all: \
    --platform "macosx_${system%%.*}_0_arm64" --python-version 3.11 -d "$folder" "$package==$version"
  "$folder/bin/python" -m zipfile -e "$folder"/mlx_metal-*.whl "$(echo "$folder"/lib/python3*/site-packages)"
  rm "$folder"/mlx_metal-*.whl
else
  "$folder/bin/pip" install -q --disable-pip-version-check "$package==$version"
fi
echo "MLX $version is in $folder"
