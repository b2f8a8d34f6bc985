# What has more than one thread, for the thread sanitizer (tests/tsan.sh): the tests with the label concurrent, made by the target of
# that name. Thread pools, groups of them, folds side by side, cancelling, the folder lock, the library's promises to callers;
# whole networks and every operation on several threads. All else has one thread.
set(concurrent test_threads test_task_group test_worker_groups test_jobs test_cancel test_folder_lock test_api test_fold_query
    test_region test_sample)
if(TARGET test_thread_failures)
  list(APPEND concurrent test_thread_failures)
endif()
add_custom_target(concurrent DEPENDS ${concurrent} test_ops parity of3 edit_checkpoint fold in_memory)
foreach(variant p1 p2 ob)
  of3_parity(${variant}_threads ${FIXTURES}/checkpoint_${variant}.safetensors ${FIXTURES}/fixture_${variant}.safetensors --threads 4)
  list(APPEND concurrent parity_${variant}_threads)
endforeach()
of3_parity(ob_threads_bf16 ${FIXTURES}/checkpoint_ob.safetensors ${FIXTURES}/fixture_ob.safetensors --threads 4 --dtype bf16)
of3_parity(ob_threads_tape ${FIXTURES}/checkpoint_ob.safetensors ${FIXTURES}/fixture_ob.safetensors --threads 4 --tape recompute)
# The same bytes on one to three threads, with the best instruction set; what else test_ops looks at has nothing to do with threads, the
# reference, which has one and would take most of the time, neither.
add_test(NAME test_ops_threads COMMAND test_ops --isa auto --threads 3 --without reference --without batches --without tape
                                       --without own-memory --without long)
list(APPEND concurrent parity_ob_threads_bf16 parity_ob_threads_tape test_ops_threads example example_in_memory cli_threads cli_jobs
     cli_stop cli_folder_lock)
set_tests_properties(${concurrent} PROPERTIES LABELS concurrent)
set_tests_properties(test_ops_threads cli_jobs PROPERTIES COST 1000)
