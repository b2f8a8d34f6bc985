# Closed pipes, limits on the size of files, and signals at any time.
echo "# a reader that goes away: the exit code of SIGPIPE, and silence; results are complete"
mkfifo gone
last_of_pipe() { # last_of_pipe COMMAND...: runs it when the reader of its output has gone
  {
    read -r _ <gone
    code=0
    "$@" 2>message || code=$?
    echo "exit $code" >code
  } | {
    exec <&-
    echo >gone
  }
  cat message code
}
last_of_pipe of3 info ob.safetensors
last_of_pipe of3 help predict
last_of_pipe quick MKT -c ob.safetensors -o piped
[ -e piped/query/seed_42/of3_run.json ] && [ -e piped/summary.txt ] || fail "the results are incomplete"
echo "# messages whose reader goes away stop nothing"
with_messages() { of3 predict MKT -c ob.safetensors -o messages --samples 1 --steps 3 2>&1 >shown; }
last_of_pipe with_messages
[ -e messages/summary.txt ] || fail "the run ended early"
echo "# a closed standard output"
of3 info ob.safetensors >&- 2>message || echo "exit $?"
quick MKT -c ob.safetensors -o closed >&- 2>>message || echo "exit $?"
cat message
if [ -c /dev/full ]; then
  echo "# a full one"
  quick MKT -c ob.safetensors -o closed --overwrite >/dev/full 2>message || echo "exit $?"
  cat message
fi
echo "# a limit on the size of files"
limited() { (ulimit -f "$1" && shift && "$@"); }
run limited 1 of3 convert ob.safetensors big.safetensors
run limited 1 of3 features MKTAYIAKQRQISFVKSHFSRQ --out big --log error
run limited 1 quick MKTAYIAKQRQISFVKSHFSRQ -c ob.safetensors -o limited
run limited 16 quick "$UBIQUITIN$UBIQUITIN" -c ob.safetensors -o limited16 --confidences npz32
no_leftovers .
echo "# a signal at any time ends the run with its code"
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
  of3 predict "$UBIQUITIN" -c ob.safetensors -o signals --samples 1 --steps 10000 --overwrite >shown 2>&1 &
  pid=$!
  sleep "$(printf '0.%03d' $((i * i * 3)))"
  kill -TERM $pid
  code=0
  { wait $pid; } 2>/dev/null || code=$? # the shell tells of a process that had no handler yet
  [ $code = 143 ] || fail "exit code $code after $i: $(cat shown)"
done
no_leftovers .
echo "as it should be"
