# Runs that replace results, killed at random: a few of tools/kill_runs.sh.
[ -z "${OF3_EMULATOR:-}" ] || skip "it takes too long in an emulator"
command -v sha256sum >/dev/null || skip "there is no sha256sum"
"$fixtures/../../tools/kill_runs.sh" 8 "$(dirname "$(readlink -f "$work/bin/of3")")" | sed 's/^[0-9]* of /N of /'
