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
"$folder/bin/pip" install -q --disable-pip-version-check "$package==$version"
echo "MLX $version is in $folder"
