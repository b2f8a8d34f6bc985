#!/bin/sh
# Fetches the RDKit that OpenFold3 uses into rdkit-env/, where CMake looks for it (src/rdkit/CMakeLists.txt): libraries and
# headers from PyPI's wheels. Boost's headers come from the system (libboost-dev), Python's library, which the wheel's
# libraries want, from the Python that runs this. Linux; on Debian what is missing of these two is installed. Usage: tools/get_rdkit.sh
set -eu
cd "$(dirname "$0")/.."
version=2025.9.6
to=rdkit-env
if command -v apt-get >/dev/null; then
  python=$(python3 -c 'import sys; print("libpython%d.%d" % sys.version_info[:2])')
  missing=
  [ -e /usr/include/boost/shared_ptr.hpp ] || missing=libboost-dev
  case $(python3 -c 'import sys; print(sys.prefix, sys.base_prefix)') in
  "/usr /usr") dpkg -s "$python" >/dev/null 2>&1 || missing="$missing $python" ;;
  esac
  sudo=
  [ "$(id -u)" = 0 ] || sudo=sudo
  # shellcheck disable=SC2086 # a list of packages
  [ -z "$missing" ] || { $sudo apt-get update -q=2 && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q=2 --no-install-recommends $missing; }
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip download -q --no-deps -d "$work" "rdkit==$version" "rdkit-headers==$version"
rm -rf "$to"
mkdir -p "$to"
for wheel in "$work"/*.whl; do
  python3 - "$wheel" "$to" <<'PYTHON'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    wheel.extractall(sys.argv[2], [n for n in wheel.namelist() if n.startswith(('rdkit.libs/', 'rdkit_headers/'))])
PYTHON
done
library=$(python3 -c 'import sysconfig as s; print(s.get_config_var("INSTSONAME"))')
for folder in $(python3 -c 'import sysconfig as s; print(s.get_config_var("LIBDIR"), "/usr/lib", "/usr/lib/" + (s.get_config_var("MULTIARCH") or ""))'); do
  [ -e "$folder/$library" ] && ln -sf "$folder/$library" "$to/$library" && break
done
[ -e "$to/$library" ] || {
  echo "Python's library $library was not found (Debian: libpython3.11)" >&2
  exit 1
}
echo "RDKit $version is in $to; configure and build again"
