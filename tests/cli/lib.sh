# What the cases share. A case runs in an empty folder with {p1,p2,ob}.safetensors, checkpoints of a tiny network.

# run COMMAND...: shows the command, what it prints, and its exit code. Never fails. Sanitizers must not be heard.
run() {
  echo "\$ $*"
  code=0
  "$@" >"$work/ran" 2>&1 || code=$?
  if grep -E 'Sanitizer|runtime error:' "$work/ran" >/dev/null; then
    cat "$work/ran"
    exit 1
  fi
  cat "$work/ran"
  echo "exit $code"
  echo
}

# Whether what only repeats is to be left out: in an emulator and under sanitizers, where every fold takes long.
short() { [ -n "${OF3_SHORT:-}" ]; }

# quick ARGS...: of3 predict with the smallest sensible work.
quick() { of3 predict "$@" --samples 2 --recycles 1 --steps 3 --log error; }

# The summary without what depends on the machine: which sample is best, scores in their last digits, times.
untimed() {
  sed -E 's/ +[0-9]+( +-?[0-9]+\.[0-9]+){9}$/ (sample, scores, times)/; s/loading took [0-9.]+[0-9]/loading took (time)/
    s/sample [0-9]+\)/sample (k))/'
}

# no_leftovers FOLDER: fails if a temporary file lies there.
no_leftovers() {
  left=$(find "$1" -name '*.tmp-*' 2>/dev/null || true)
  [ -z "$left" ] || {
    echo "left behind: $left"
    exit 1
  }
}

# The files of a folder, sorted.
files() { (cd "$1" && find . -type f | LC_ALL=C sort); }

# same_results A B: all files of the two output folders are equal, but for times, folder names and threads.
same_results() {
  for f in $(files "$1" | grep -vE 'timing.json|experiment_config.json|of3_run.json'); do
    cmp "$1/$f" "$2/$f" || exit 1
  done
  [ "$(files "$1")" = "$(files "$2")" ] || {
    echo "$1 and $2 hold different files"
    exit 1
  }
}

# as_listed FOLDER N: the files of N queries and seeds are those that their of3_run.json lists.
as_listed() {
  found=$(find "$1" -name of3_run.json -not -path '*/.of3*')
  [ "$(echo "$found" | wc -l)" = "$2" ] || fail "not $2 results: $found"
  for m in $found; do
    sed -n 's/^ *"name": "\(.*\)",/\1/p' "$m" >"$work/names"
    sed -n 's/^ *"sha256": "\(.*\)"/\1/p' "$m" | paste -d' ' - "$work/names" | sed 's/ /  /' >"$work/sums"
    [ -s "$work/sums" ] || fail "$m lists nothing"
    (cd "${m%/*}" && sha256sum --status -c "$work/sums") || fail "$m: these are not the listed files"
  done
}

skip() {
  echo "skipped: $*"
  exit 77
}

fail() {
  echo "FAILED: $*"
  exit 1
}

UBIQUITIN=MQIFVKTLTGKTITLEVEPSDTIENVK
