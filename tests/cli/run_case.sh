#!/bin/sh
# Runs one case of the command line in a fresh folder and compares what it shows with its expected output.
#   run_case.sh BUILD CASE             BUILD holds of3 and tests/edit_checkpoint; exit 77: skipped, the reason is printed
#   run_case.sh --update BUILD CASE    writes the expected output instead
# OF3_EMULATOR, if set, is the command that runs programs of another machine.
set -eu
update=false
[ "$1" = --update ] && {
  update=true
  shift
}
here=$(cd "$(dirname "$0")" && pwd)
BUILD=$(cd "$1" && pwd)
case=$2
root=$(cd "$here/../.." && pwd)

work=$(mktemp -d)
cleanup() {
  cd /
  [ ! -f "$work/mounted" ] || umount "$(cat "$work/mounted")" || true
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

mkdir "$work/bin" "$work/in"
for program in of3 tests/edit_checkpoint; do
  file=$work/bin/${program##*/}
  if [ -z "${OF3_EMULATOR:-}" ]; then
    ln -s "$BUILD/$program" "$file"
  else
    printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$OF3_EMULATOR" "$BUILD/$program" >"$file"
    chmod +x "$file"
  fi
done
[ ! -e "$BUILD/tests/libpoor_disk.so" ] || ln -s "$BUILD/tests/libpoor_disk.so" "$work/bin/libpoor_disk.so"
PATH=$work/bin:$PATH
LC_ALL=C
fixtures=$root/tests/fixtures
demo=$root/examples/demo
OF3_TESTS=$root/tests
export PATH LC_ALL fixtures demo work OF3_TESTS
unset OF3_CHECKPOINT || true
export OF3_CCD= # the built-in components, whatever lies in the default place
export OF3_MSA_SERVER= OF3_CACHE= # no server, no cache
cd "$work/in"
for v in p1 p2 ob; do ln -s "$fixtures/parity/checkpoint_$v.safetensors" "$v.safetensors"; done

status=0
sh -eu -c '. "$0/lib.sh"; . "$0/$1.sh"' "$here" "$case" >"$work/shown" 2>&1 || status=$?
if [ $status = 77 ]; then
  cat "$work/shown"
  exit 77
fi
if [ $status != 0 ]; then
  cat "$work/shown"
  echo "the case $case ended with exit code $status"
  exit 1
fi
if $update; then
  cp "$work/shown" "$here/$case.out"
  exit 0
fi
diff -u "$here/$case.out" "$work/shown" && echo "as expected"
