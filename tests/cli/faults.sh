# Runs that replace results, disturbed at changes that they make to the disk: a few of tools/fault_runs.sh.
[ -z "${OF3_EMULATOR:-}" ] || skip "it takes too long in an emulator"
command -v sha256sum >/dev/null || skip "there is no sha256sum"
shim=$work/bin/libpoor_disk.so
[ -e "$shim" ] && LD_PRELOAD=$shim of3 --version >/dev/null 2>&1 || skip "no library can be loaded before the others"
"$fixtures/../../tools/fault_runs.sh" 197 "$(dirname "$(readlink -f "$work/bin/of3")")" 29 2>&1 | grep -v Killed | sed 's/^[0-9]* runs/N runs/'
