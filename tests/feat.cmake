# Queries, alignments, features.
of3_test(test_query of3_feat)
of3_test(test_features of3_feature_file)
of3_test(test_msa of3_msa)
of3_fuzz(fuzz_query of3_feat)
of3_fuzz(fuzz_fasta of3_feat)
of3_fuzz(fuzz_a3m of3_msa)
of3_fuzz(fuzz_stockholm of3_msa)
of3_fuzz(fuzz_npz of3_msa)
