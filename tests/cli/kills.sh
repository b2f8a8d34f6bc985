# Runs that replace results, killed at random: a few of tools/kill_runs.sh.
[ -z "${OF3_EMULATOR:-}" ] || skip "it takes too long in an emulator"
command -v sha256sum >/dev/null || skip "there is no sha256sum"
kills=8
if short; then kills=3; fi
"$fixtures/../../tools/kill_runs.sh" $kills "$(dirname "$(readlink -f "$work/bin/of3")")" | sed 's/^[0-9]* of [0-9]* /N of all /'
