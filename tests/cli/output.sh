# Output folders that cannot be written, and a full disk.
: >file
run quick MKT -c ob.safetensors -o file
run quick MKT -c ob.safetensors -o file/below
run of3 convert ob.safetensors no/such/folder/out.safetensors
run of3 convert ob.safetensors ob.safetensors
run of3 convert ob.safetensors .
run of3 features MKT --out no/such/folder/f.safetensors
if [ -c /dev/full ]; then
  echo "# standard output on a full disk"
  of3 info ob.safetensors >/dev/full 2>shown || echo "exit $?"
  cat shown
  echo "# and into a closed pipe"
  of3 info ob.safetensors | true
fi
