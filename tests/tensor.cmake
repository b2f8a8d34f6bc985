of3_test(test_ops of3_cpu)
target_sources(test_ops PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit/ops_inputs.c ${CMAKE_SOURCE_DIR}/tests/unit/ops_run.c)
