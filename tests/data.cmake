# Structures and training sets.
of3_test(test_data of3_data of3_ccd)
of3_test(test_crop of3_data of3_ccd)
of3_fuzz(fuzz_set of3_data)
