# What selftest makes of the parity program's lines and end, with programs that only print. The first line names the machine.
selftest() {
  chmod +x program
  code=0
  of3 selftest --backend reference --folder "$fixtures/parity" --program program >shown 2>complained || code=$?
  tail -n +5 shown
  sed "s|$work|WORK|" complained
  echo "exit $code"
  echo
}
cat >program <<'END'
#!/bin/sh
# its arguments name what of3 says they do
[ "$1 $3 $5 $7" = "--checkpoint --fixture --backend --dtype" ] && [ -e "$2" ] && [ -e "$4" ] || exit 3
echo "head.of.the.table deviation rms bound"
echo "pairformer.s 1.5e-6 1e-7 3.0e-6"
echo "$(printf '%0300d' 0 | tr 0 x) 1 1 1"
echo "diffusion.x 2.0e-6 1e-7 8.0e-6 and more"
echo "2 tensors compared, 0 above their bound, 0 not compared"
END
selftest
# above its bound, not a number, and missing
cat >program <<'END'
#!/bin/sh
echo "pairformer.s nan nan 3.0e-6"
echo "5 tensors compared, 1 above their bound, 2 not compared"
exit 1
END
selftest
# all is well, says the program, and yet it does not end so
cat >program <<'END'
#!/bin/sh
echo "1 tensors compared, 0 above their bound, 0 not compared"
kill -9 $$
END
selftest
# its own error; none; no program
printf '#!/bin/sh\necho "parity: the fixture is of another kind" >&2\nexit 1\n' >program
selftest
printf '#!/bin/sh\nexit 0\n' >program
selftest
printf 'neither script nor program' >program
selftest
