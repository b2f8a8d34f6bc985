# CIF files, the dictionary of components, chemistry.
of3_test(test_cif_reader of3_cif)
of3_fuzz(fuzz_cif of3_cif)
of3_test(test_ccd of3_ccd)
of3_fuzz(fuzz_ccd of3_ccd)
