# A signal while a file is written: the reader of a pipe waits until it has been sent.
mkfifo pipe
interrupted() { # interrupted COMMAND...: it writes to descriptor 3
  rm -f go
  mkfifo go
  { read -r _ <go; cat >/dev/null; } <pipe &
  reader=$!
  "$@" 3>pipe 2>message &
  pid=$!
  sleep 1
  kill -TERM $pid
  echo >go
  code=0
  { wait $pid; } 2>/dev/null || code=$?
  wait $reader
  echo "exit $code"
  cat message
}
long=$(printf '%01000d' 0 | sed 's/0/MKTAYI/g')
echo "# features of 6,000 residues"
interrupted of3 features "$long" --out /dev/fd/3 --log error
echo "# a conversion"
interrupted of3 convert "$demo/of3-demo.safetensors" /dev/fd/3
no_leftovers .
