#!/bin/sh
# What ptxas said of each kernel, FOLDER/*.cu.o.txt: no kernel may spill more than 16 bytes of registers to memory, and those of
# products and attention may use no more than the 255 that a thread can have. Usage: cuda_registers.sh FOLDER
set -eu
cat "$1"/*.cu.o.txt | awk '
  /Compiling entry function/ { name = $6; kernels++ }
  /bytes spill stores/ { if ($5 > 16) { print name " spills " $5 " bytes"; bad = 1 } }
  /Used [0-9]+ registers/ { for (i = 1; i < NF; i++) if ($i == "Used" && $(i + 1) > most) most = $(i + 1) }
  END { print kernels " kernels, at most " most " registers"; exit bad || kernels < 40 || most > 255 }'
