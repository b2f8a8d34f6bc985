#!/bin/bash
# The sequence of ubiquitin over and over, cut to the given number of residues (76: ubiquitin).
#   ubiquitin_sequence.sh [RESIDUES]
set -euo pipefail
unit=MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG
residues=${1:-${#unit}} sequence=
while [ ${#sequence} -lt "$residues" ]; do sequence+=$unit; done
echo "${sequence:0:$residues}"
