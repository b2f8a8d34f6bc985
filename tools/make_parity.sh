#!/bin/sh
# Runs make_parity.py with a Python that has PyTorch, and installs one if there is none.
#   make_parity.sh OUT [options of make_parity.py]
# Taken in this order: $OF3_PYTHON; the system's Python; on Debian, as root, the package python3-torch (CPU only, 300 MB);
# a virtual environment .venv-parity in the repository with the package torch (on Linux several GB).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=$here/../.venv-parity

has_torch() { [ -x "$(command -v "$1")" ] && "$1" -c 'import torch' 2>/dev/null; }

find_python() {
  for candidate in "${OF3_PYTHON:-}" /usr/bin/python3 python3 "$venv/bin/python"; do
    if [ -n "$candidate" ] && has_torch "$candidate"; then
      python=$candidate
      return 0
    fi
  done
  return 1
}

if ! find_python; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "make_parity: installing python3-torch (apt)" >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-torch python3-numpy >/dev/null
  else
    echo "make_parity: installing torch and numpy (pip) into $venv" >&2
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q torch numpy
  fi
  find_python
fi
echo "make_parity: $python, torch $("$python" -c 'import torch; print(torch.__version__)')" >&2
exec "$python" "$here/make_parity.py" "$@"
