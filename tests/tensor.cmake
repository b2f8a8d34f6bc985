of3_test(test_axes of3_tensor)
# Calls of every operation with made-up arguments; a backend without kernels.
add_library(ops_cases STATIC unit/ops_inputs.c unit/ops_run.c unit/ops_batch.c unit/own_memory.c)
target_link_libraries(ops_cases PUBLIC of3_tensor of3_flags)
of3_test(test_ops ops_cases of3_cpu)
set_tests_properties(test_ops PROPERTIES COST 1000) # it begins first
# In its place under the sanitizers (ctest -C sanitized), which look at what is read and written: the kernels of every instruction set
# with all cases; the plain C reference, which takes ten times as long, with the short ones, whose sizes are as odd; batches with one
# instruction set, since what goes through a batch is the same C for all, and beside the same alone, not the reference. A recorded call takes the same way through a kernel.
# With another compiler (ctest -C kernels): the kernels alone; batches, tapes and the backend without kernels are the same C above them.
add_test(NAME test_ops_sanitized CONFIGURATIONS sanitized
         COMMAND test_ops --threads 2 --without reference --without tape --without batches --without own-memory)
add_test(NAME test_ops_reference_sanitized CONFIGURATIONS sanitized
         COMMAND test_ops --isa plain --threads 1 --without tape --without batches --without long)
add_test(NAME test_ops_batches_sanitized CONFIGURATIONS sanitized
         COMMAND test_ops --isa auto --threads 2 --without tape --without own-memory --without long --without reference)
add_test(NAME test_ops_kernels CONFIGURATIONS kernels
         COMMAND test_ops --threads 2 --without batches --without tape --without own-memory)
set_tests_properties(test_ops_sanitized test_ops_batches_sanitized test_ops_kernels PROPERTIES COST 1000)
of3_test(test_gradient ops_cases of3_cpu)
of3_test(test_backward ops_cases of3_cpu)
add_test(NAME test_backward_sanitized CONFIGURATIONS sanitized COMMAND test_backward --short)
of3_test_allocations(test_by_reference ops_cases)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
  of3_test(test_amx of3_tensor)
  target_sources(test_amx PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit/amx_plain_tiles.c)
  set_source_files_properties(${CMAKE_SOURCE_DIR}/tests/unit/amx_plain_tiles.c PROPERTIES COMPILE_OPTIONS
                              "-mavx512f;-mavx512dq;-mavx512vl;-mavx512bw;-mfma;-mavx512bf16;-mamx-tile;-mamx-bf16")
  set_tests_properties(test_amx PROPERTIES SKIP_RETURN_CODE 77)
endif()
