#!/bin/sh
# The dictionary of components: converts whole dictionaries, says how many components there are, how long it took and how
# much memory, then unpacks every component. Usage: bench/ccd.sh BUILD FILE...
#   FILE: components.cif.gz (Debian's package openstructure), components.bcif (the Python package biotite)
set -eu
build=$(cd "$1" && pwd)
shift
to=$(mktemp -d)
trap 'rm -rf "$to"' EXIT
for file in "$@"; do
  /usr/bin/time -f 'build: %e s, %M KB' "$build/of3" ccd build "$file" -o "$to/ccd"
  echo "size: $(wc -c <"$to/ccd") bytes"
  "$build/bench/of3_ccd_open" "$to/ccd"
done
