of3_test(test_axes of3_tensor)
of3_test(test_ops of3_cpu)
target_sources(test_ops PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit/ops_inputs.c ${CMAKE_SOURCE_DIR}/tests/unit/ops_run.c
                                ${CMAKE_SOURCE_DIR}/tests/unit/ops_batch.c ${CMAKE_SOURCE_DIR}/tests/unit/own_memory.c)
set_tests_properties(test_ops PROPERTIES COST 1000) # it begins first
# In its place under the sanitizers (ctest -C sanitized): fewer threads; a recorded call takes the same way through a kernel. With another
# compiler (ctest -C kernels): the kernels alone; batches, tapes and the backend without kernels are the same C above them.
add_test(NAME test_ops_sanitized CONFIGURATIONS sanitized COMMAND test_ops --threads 2 --without tape)
add_test(NAME test_ops_kernels CONFIGURATIONS kernels
         COMMAND test_ops --threads 2 --without batches --without tape --without own-memory)
set_tests_properties(test_ops_sanitized test_ops_kernels PROPERTIES COST 1000)
of3_test(test_gradient of3_cpu)
target_sources(test_gradient PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit/own_memory.c)
of3_test(test_backward of3_cpu)
target_sources(test_backward PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit/ops_inputs.c ${CMAKE_SOURCE_DIR}/tests/unit/ops_run.c
                                     ${CMAKE_SOURCE_DIR}/tests/unit/own_memory.c)
of3_test_allocations(test_by_reference of3_tensor)
if(TARGET test_by_reference)
  target_sources(test_by_reference PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit/own_memory.c)
endif()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
  of3_test(test_amx of3_tensor)
  target_sources(test_amx PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit/amx_plain_tiles.c)
  set_source_files_properties(${CMAKE_SOURCE_DIR}/tests/unit/amx_plain_tiles.c PROPERTIES COMPILE_OPTIONS
                              "-mavx512f;-mavx512dq;-mavx512vl;-mavx512bw;-mfma;-mavx512bf16;-mamx-tile;-mamx-bf16")
  set_tests_properties(test_amx PROPERTIES SKIP_RETURN_CODE 77)
endif()
