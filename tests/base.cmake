of3_test(test_threads of3_base)
of3_test(test_task_group of3_base)
of3_test(test_machine of3_base)
of3_test(test_target of3_base)
