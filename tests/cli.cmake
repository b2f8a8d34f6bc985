# The command line: each case is a shell script and its expected output (tests/cli/run_case.sh).
add_executable(edit_checkpoint cli/edit_checkpoint.c)
target_link_libraries(edit_checkpoint PRIVATE of3_io of3_flags)
set(
  cli_cases
  help
  usage
  query
  terminal
  checkpoint
  debug
  output
  full_disk
  memory
  interrupt
  batch
  threads
  jobs
  rerun
  formats
  convert
  features
  bench
  mlx
  mlx_missing
  cuda_missing
  devices
  selftest
  selftest_program
  targets
  streams
  small_stack
  stop
  folder_lock
  store
  rewrite
  poor_disks
  kills
  no_case
  faults
  many
  ccd
  data
  bad_files
  molecule
  plot
  components
  screen
  server
  inputs
  search
  search_hhblits
  search_hmmer
  search_mmseqs
  settings
  train)
if(TARGET of3_rdkit_plugin)
  list(APPEND cli_cases rdkit)
endif()
if(CMAKE_SYSTEM_NAME STREQUAL Linux) # simulates file systems; loaded before the C library
  add_library(poor_disk MODULE cli/poor_disk.c)
  target_link_libraries(poor_disk PRIVATE ${CMAKE_DL_LIBS})
  set_target_properties(poor_disk PROPERTIES C_VISIBILITY_PRESET default) # else its calls replace none
endif()
foreach(case ${cli_cases})
  add_test(NAME cli_${case} COMMAND ${CMAKE_SOURCE_DIR}/tests/cli/run_case.sh ${CMAKE_BINARY_DIR} ${case})
  set_tests_properties(cli_${case} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600)
  if(OF3_SANITIZE)
    set_tests_properties(cli_${case} PROPERTIES ENVIRONMENT OF3_SHORT=1) # tests/cli/lib.sh
  endif()
endforeach()
add_test(NAME includes COMMAND ${CMAKE_SOURCE_DIR}/tests/check_includes.sh)

# The library from outside.
of3_test(test_api of3_api)
of3_test(test_fold_query of3_api)
of3_test(test_worker_groups of3_api)
of3_test(test_jobs of3_api)
of3_test(test_cancel of3_api)
of3_test(test_locale of3_api)
if(TARGET test_cancel)
  target_sources(test_cancel PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit/write_fixture.c
                                     ${CMAKE_SOURCE_DIR}/tests/unit/molecules_json.c)
endif()
of3_test_allocations(test_api_memory of3_api)
if(TARGET test_api_memory)
  target_link_options(test_api_memory PRIVATE LINKER:--wrap=of3_arena_alloc)
endif()
if(NOT APPLE) # whose linker has no --wrap
  of3_test(test_thread_failures of3_api)
  target_link_options(test_thread_failures PRIVATE LINKER:--wrap=pthread_create)
endif()
add_executable(fold ${CMAKE_SOURCE_DIR}/examples/fold.c)
target_link_libraries(fold PRIVATE of3_api of3_flags)
add_test(NAME example COMMAND fold ${CMAKE_CURRENT_SOURCE_DIR}/fixtures/parity/checkpoint_ob.safetensors MKTAYIAKQR
                              ${CMAKE_CURRENT_BINARY_DIR}/fold.out)
add_executable(in_memory ${CMAKE_SOURCE_DIR}/examples/in_memory.c)
target_link_libraries(in_memory PRIVATE of3_api of3_flags)
add_test(NAME example_in_memory COMMAND in_memory ${CMAKE_CURRENT_SOURCE_DIR}/fixtures/parity/checkpoint_ob.safetensors MKTAYIAKQR)
