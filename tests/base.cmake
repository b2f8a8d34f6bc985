of3_test(test_threads of3_base)
