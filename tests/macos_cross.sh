#!/bin/sh
# Builds and links everything for macOS on arm64 with zig: the program, the MLX plugin against Apple's MLX library, the
# tests. Nothing of it can run here; it keeps the code honest about what a Mac has. zig knows the system's library; of
# jansson, libyaml, zlib and cmocka, whose Mac builds no registry has, it gets this machine's headers and lists of exported names.
# Usage: tests/macos_cross.sh [FOLDER]
set -eu
cd "$(dirname "$0")/.."
tools/install.sh build
folder=${1:-build-macos}
mlx=0.32.4
mkdir -p "$folder/bin" "$folder/root/include" "$folder/root/lib/pkgconfig"
here=$(cd "$folder" && pwd)
python=$here/env/bin/python
if [ ! -x "$python" ]; then
  python3 -m venv "$here/env"
  "$here/env/bin/pip" install -q --disable-pip-version-check ziglang==0.17.1
fi
if [ ! -d "$here/mlx" ]; then
  "$here/env/bin/pip" download -q --disable-pip-version-check --no-deps --only-binary=:all: \
    --platform macosx_14_0_arm64 --python-version 3.11 -d "$here" "mlx-metal==$mlx"
  "$python" -m zipfile -e "$here"/mlx_metal-*.whl "$here"
fi

# Two options of Apple's clang have other names in zig. The program itself is called: by way of Python each file takes a third longer.
zig=$("$python" -c 'import ziglang, os; print(os.path.join(os.path.dirname(ziglang.__file__), "zig"))')
for name in cc c++; do
  cat >"$here/bin/$name" <<END
#!/bin/sh
for word; do
  shift
  case \$word in
  -march=armv8.2-a+bf16) word=-mcpu=generic+bf16 ;;
  -bundle) word=-shared ;;
  esac
  set -- "\$@" "\$word"
done
exec "$zig" $name -target aarch64-macos.14.0 "\$@"
END
done
for name in ar ranlib; do
  printf '#!/bin/sh\nexec "%s" %s "$@"\n' "$zig" $name >"$here/bin/$name"
done
printf '#!/bin/sh\necho 14.0\n' >"$here/bin/sw_vers" # CMake asks it for the system's version
chmod +x "$here"/bin/*

# library NAME HEADER...: what a compiler and a linker for macOS need of a library of this machine.
library() {
  name=$1
  shift
  include=$(pkg-config --variable=includedir "$package")
  for header; do cp "${include:-/usr/include}/$header" "$here/root/include"; done
  file=$(cc -print-file-name="lib$name.so")
  {
    printf -- '--- !tapi-tbd\ntbd-version: 4\ntargets: [ arm64-macos ]\ninstall-name: /usr/lib/lib%s.dylib\n' "$name"
    printf 'exports:\n  - targets: [ arm64-macos ]\n    symbols: [ '
    nm -D --defined-only "$file" | sed -n 's/.* T \([^@]*\).*/_\1,/p' | tr '\n' ' ' | sed 's/, $//'
    printf ' ]\n...\n'
  } >"$here/root/lib/lib$name.tbd"
  printf 'Name: %s\nDescription: for the linker\nVersion: %s\nLibs: -L%s -l%s\n' "$name" \
    "$(pkg-config --modversion "$package")" "$here/root/lib" "$name" >"$here/root/lib/pkgconfig/$package.pc"
}
package=jansson library jansson jansson.h jansson_config.h
package=yaml-0.1 library yaml yaml.h
package=zlib library z zlib.h zconf.h
package=cmocka library cmocka cmocka.h

quick="-O0 -DNDEBUG -fno-sanitize=undefined" # it only has to compile and link; zig would add a sanitizer
PATH=$here/bin:$PATH cmake -S . -B "$here/build" -G Ninja -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64-macos.cmake -DOF3_MACOS="$here" \
  -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS="$quick" -DCMAKE_CXX_FLAGS="$quick" \
  -DOF3_MLX=ON -DMLX_DIR="$here/mlx/share/cmake/MLX" -DOF3_WERROR=ON >/dev/null
cmake --build "$here/build" -j "$(getconf _NPROCESSORS_ONLN)"

for file in of3 of3_mlx.dylib; do
  kind=$(od -A n -t x4 -N 8 "$here/build/$file" | tr -d ' \n')
  [ "$kind" = feedfacf0100000c ] || {
    echo "$file is not a Mach-O file for arm64: it begins with $kind" >&2
    exit 1
  }
done
echo "of3 and its MLX plugin (mlx-metal $mlx) link for macOS on arm64"
