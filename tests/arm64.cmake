# What differs in a build for arm64 whose programs run under qemu (tests/arm64.sh).

# Every operation's kernels in NEON, f32 here and bf16 there, to run side by side, on one thread and on two. (bf16 in NEON without
# the extension: in the parity tests.) Batches, tapes and the backend without kernels are left out, which took most of the time: they
# are dealt with above the kernels, in code that x86-64 tests. So are long cases, most of whose time is the reference's; each operation has others, of odd
# sizes.
foreach(set "neon f32" "neonbf16 bf16")
  separate_arguments(set)
  list(GET set 0 isa)
  list(GET set 1 type)
  add_test(NAME test_ops_${isa} COMMAND test_ops --threads 2 --isa ${isa} --dtype ${type} --without batches --without tape --without own-memory
           --without long)
  set_tests_properties(test_ops_${isa} PROPERTIES TIMEOUT 1200 COST 1000) # they begin first
endforeach()

# Found at run time: with the bf16 extension, which qemu's best processor has, and without. A program for all
# processors must not use the extension where there is none.
set(plain_arm ENVIRONMENT QEMU_CPU=cortex-a72)
add_test(NAME dispatch_bf16 COMMAND of3 info --cpu)
set_tests_properties(dispatch_bf16 PROPERTIES PASS_REGULAR_EXPRESSION "instruction sets  neonbf16 neon plain ")
add_test(NAME dispatch_no_bf16 COMMAND of3 info --cpu)
set_tests_properties(dispatch_no_bf16 PROPERTIES PASS_REGULAR_EXPRESSION "instruction sets  neon plain " ${plain_arm})
add_test(NAME dispatch_refused COMMAND of3 predict AAA -c ${FIXTURES}/checkpoint_ob.safetensors -o never --isa neonbf16)
set_tests_properties(dispatch_refused PROPERTIES PASS_REGULAR_EXPRESSION "cannot run the instruction set neonbf16"
                                                 ${plain_arm})
of3_parity(ob_no_bf16 ${FIXTURES}/checkpoint_ob.safetensors ${FIXTURES}/fixture_ob.safetensors --dtype bf16)
set_tests_properties(parity_ob_no_bf16 PROPERTIES ${plain_arm})

string(JOIN " " emulator ${CMAKE_CROSSCOMPILING_EMULATOR})
foreach(case ${cli_cases})
  set_tests_properties(cli_${case} PROPERTIES ENVIRONMENT "OF3_SHORT=1;OF3_EMULATOR=${emulator}")
endforeach()
