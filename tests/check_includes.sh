#!/bin/sh
# The include arrows of docs/ARCHITECTURE.md: each folder may include itself and what is listed for it, nothing else. And the
# documents that sources cite exist.
set -eu
cd "$(dirname "$0")/.."

allowed() {
  case $1 in
  base) echo "base" ;;
  tensor) echo "tensor base" ;;
  cpu | cuda | mlx) echo "$1 tensor base" ;;
  cif) echo "cif base" ;;
  plot) echo "plot base" ;;
  cache) echo "cache base" ;;
  chem) echo "chem base" ;;
  ccd) echo "ccd cif chem base" ;;
  net) echo "net base" ;;
  server) echo "server net cache base" ;;
  rdkit) echo "rdkit cache ccd cif chem base" ;;
  msa) echo "msa chem base" ;;
  structure) echo "structure cif base" ;;
  template) echo "template structure msa chem base" ;;
  feat) echo "feat template msa chem base" ;;
  dialect) echo "dialect feat msa chem base" ;;
  search) echo "search cache dialect feat msa chem base" ;;
  settings) echo "settings dialect feat msa chem base" ;;
  io) echo "io tensor chem base" ;;
  model) echo "model tensor feat io msa chem base" ;;
  data) echo "data structure feat msa chem base" ;;
  featfile) echo "featfile feat io tensor msa chem base" ;;
  score) echo "score model tensor feat io msa chem base" ;;
  train) echo "train plot data score model tensor feat io msa chem base" ;;
  learn) echo "learn train plot data settings featfile score model tensor dialect feat io msa chem base" ;;
  write) echo "write score model tensor feat io msa chem base" ;;
  api) echo "api learn train plot data structure server net cache search write score featfile model cpu cuda mlx tensor settings dialect feat io msa rdkit ccd cif chem base" ;;
  *) return 1 ;;
  esac
}

wrong=0
complain() {
  echo "$1" >&2
  wrong=$((wrong + 1))
}

for folder in src/*/; do
  name=$(basename "$folder")
  may=$(allowed "$name") || {
    complain "$folder is not in the list of tests/check_includes.sh"
    continue
  }
  for included in $(grep -hoE '^ *# *include "[a-z0-9_]+/' "$folder"* 2>/dev/null | sed 's/.*"//; s/\///' | sort -u); do
    case " $may " in
    *" $included "*) ;;
    *) complain "$(grep -lE "include \"$included/" "$folder"* | tr '\n' ' ')may not include $included/" ;;
    esac
  done
done

# The public header stands alone; the command line knows nothing else of src.
grep -nE '^ *# *include "' include/of3.h && complain "include/of3.h may include the C library only"
grep -nE '^ *# *include ".*/' cli/*.[ch] && complain "cli/ may include of3.h and its own files only"
# Tensors do not appear in the public header.
grep -n 'of3_tensor' include/of3.h && complain "include/of3.h names tensors"

# Numbers become text, and text numbers, without the locale.
grep -nE '\b(strtod|strtof|atof|localeconv|setlocale|json_loadb|json_dumps)\(' $(find src -name '*.c' ! -name number.c ! -name json.c) &&
  complain "numbers are read and written by base/number.h and base/json.h"

# Documents that sources cite are in the repository.
for cited in $(grep -rhoE '(docs|shared|bench|examples|tests|src)/[A-Za-z0-9_/.-]+\.md' src include cli tests/unit tests/parity | sort -u); do
  [ -f "$cited" ] || complain "a source cites $cited, which is not in the repository"
done

[ $wrong = 0 ] && echo "include arrows: all point downwards"
exit $((wrong > 0))
