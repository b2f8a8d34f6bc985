#!/bin/sh
# The installation as a program outside sees it. Usage: tests/install.sh BUILD. Installs into a folder of its own; builds both
# examples against it by pkg-config and runs them; runs its selftest; compiles the headers as C++; compares versions; and looks at the names that the
# library shows.
set -eu
cd "$(dirname "$0")/.."
build=$1
to=$(mktemp -d)
trap 'rm -rf "$to"' EXIT
fail() {
  echo "tests/install.sh: $1" >&2
  exit 1
}

cmake -S . -B "$build" -DCMAKE_INSTALL_PREFIX="$to" >/dev/null # of3.pc names the prefix
cmake --install "$build" --prefix "$to" >/dev/null
library=$(dirname "$(find "$to" -name of3.pc)")
export PKG_CONFIG_PATH="$library" LD_LIBRARY_PATH="$library/.."

weights=tests/fixtures/parity/checkpoint_ob.safetensors
for example in fold in_memory; do
  # shellcheck disable=SC2046 # a list of flags
  ${CC:-cc} -std=c17 -Wall -Wextra -Werror -pedantic "examples/$example.c" -o "$to/$example" $(pkg-config --cflags --libs of3)
done
"$to/fold" $weights MKTAYIAKQR "$to/out" | grep -q best_model.cif || fail "the example fold printed no structure"
[ "$("$to/in_memory" $weights MKTAYIAKQR | grep -c ' MET 1 ')" = 1 ] || fail "the example in_memory printed no residue 1"

printf '#include <of3.h>\n#include <of3_bench.h>\n#include <of3_chem.h>\n#include <of3_data.h>\n#include <of3_inputs.h>\n#include <of3_msa.h>\n#include <of3_plot.h>\nint main() { return of3_version()[0] == 0; }\n' >"$to/header.cpp"
# shellcheck disable=SC2046
${CXX:-c++} -std=c++11 -Wall -Wextra -Werror -pedantic "$to/header.cpp" -o "$to/header" $(pkg-config --cflags --libs of3)
"$to/header"

# one version, in header, library, program and pkg-config file
header=$(sed -n 's/^#define OF3_VERSION_[A-Z]* \([0-9]*\)$/\1/p' include/of3.h | paste -sd .)
for other in "$(pkg-config --modversion of3)" "$("$to/bin/of3" --version | sed 's/^of3 //')"; do
  [ "$header" = "$other" ] || fail "of3.h is version $header, elsewhere it is $other"
done

# the names that the library shows are those that the headers declare
nm -D --defined-only "$library/../libof3.so" | awk '$2 == "T" || $2 == "D" || $2 == "R" || $2 == "B" {print $3}' | sort >"$to/shown"
cat include/*.h | tr '\n' ' ' | grep -oE 'OF3_API [^;(]*\(' | grep -oE 'of3_[a-z0-9_]+\($' | tr -d '(' | sort >"$to/declared"
diff "$to/declared" "$to/shown" >"$to/difference" || fail "declared (<) and shown (>) names differ: $(grep '^[<>]' "$to/difference" | tr '\n' ' ')"
# selftest finds its program, fixtures and checkpoints there
(cd / && "$to/bin/of3" selftest --backend cpu) >"$to/selftest" || fail "the installed selftest says: $(cat "$to/selftest")"
[ "$(grep -cE '^\| [^|]+ \| [0-9]+ \| 0 \|' "$to/selftest")" = 4 ] || fail "selftest did not compare four fixtures: $(cat "$to/selftest")"
echo "installation: examples, selftest, C++, version $header, $(wc -l <"$to/shown") names"
