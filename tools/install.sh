#!/bin/sh
# Installs what is missing for a job, by apt or Homebrew, and says what. Usage: tools/install.sh build|lint|clang|arm64|rdkit|search ...
set -eu

missing=
need() { # need PACKAGE TEST...: notes the package if the test fails
  package=$1
  shift
  "$@" >/dev/null 2>&1 || missing="$missing $package"
}

case $(uname) in
Darwin) system=brew ;;
*) system=apt ;;
esac

for job in "$@"; do
  case $system-$job in
  apt-build)
    need gcc command -v cc
    need cmake command -v cmake
    need ninja-build command -v ninja
    need pkg-config command -v pkg-config
    need libjansson-dev pkg-config --exists jansson
    need libyaml-dev pkg-config --exists yaml-0.1
    need zlib1g-dev pkg-config --exists zlib
    need libcmocka-dev pkg-config --exists cmocka
    need libcurl4 sh -c 'ls /usr/lib/*/libcurl.so.4 || ls /usr/lib*/libcurl.so.4' # opened when a server is asked
    ;;
  apt-lint)
    need clang-tidy-14 command -v clang-tidy-14
    need clang-format-14 command -v clang-format-14
    need cppcheck command -v cppcheck
    ;;
  apt-clang)
    need clang-14 command -v clang-14
    need libclang-rt-14-dev sh -c 'test -e "$(clang-14 -print-file-name=libclang_rt.fuzzer-$(uname -m).a)"'
    ;;
  apt-arm64)
    need gcc-aarch64-linux-gnu command -v aarch64-linux-gnu-gcc
    need libc6-dev-arm64-cross test -e /usr/aarch64-linux-gnu/include/stdlib.h
    need qemu-user command -v qemu-aarch64
    ;;
  apt-search)
    need hmmer command -v jackhmmer
    need mmseqs2 command -v mmseqs
    ;;
  brew-search)
    need hmmer command -v jackhmmer
    need mmseqs2 command -v mmseqs
    ;;
  apt-rdkit)
    need librdkit-dev test -e /usr/include/rdkit/GraphMol/GraphMol.h
    need libboost-dev test -e /usr/include/boost/shared_ptr.hpp
    ;;
  brew-rdkit)
    need rdkit brew list rdkit
    need boost brew list boost
    ;;
  brew-build)
    need cmake command -v cmake
    need ninja command -v ninja
    need pkg-config command -v pkg-config
    need jansson pkg-config --exists jansson
    need libyaml pkg-config --exists yaml-0.1
    need cmocka pkg-config --exists cmocka
    ;;
  brew-lint | brew-clang)
    need llvm@14 command -v clang-tidy-14
    need cppcheck command -v cppcheck
    ;;
  *)
    echo "usage: tools/install.sh build|lint|clang|arm64|rdkit" >&2
    exit 2
    ;;
  esac
done

[ -n "$missing" ] || exit 0
if [ $system = brew ]; then
  command -v brew >/dev/null || {
    echo "Homebrew is not there to install:$missing; install it, or these by other means" >&2
    exit 1
  }
  echo "installing by Homebrew:$missing"
  # shellcheck disable=SC2086 # a list of names
  exec brew install $missing
fi
command -v apt-get >/dev/null || {
  echo "these Debian packages, or your system's like, are needed:$missing" >&2
  exit 1
}
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
echo "installing by apt:$missing"
$sudo apt-get update -q=2
# shellcheck disable=SC2086
exec $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q=2 --no-install-recommends $missing
