# Queries, alignments, features.
of3_test(test_query of3_feat)
of3_test(test_msa of3_msa)
of3_test(test_features of3_feature_file)
if(NOT APPLE) # its linker has no --wrap
  of3_test(test_feat_memory of3_feature_file)
  target_link_options(test_feat_memory PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc)
endif()
of3_fuzz(fuzz_query of3_feat)
of3_fuzz(fuzz_fasta of3_feat)
of3_fuzz(fuzz_a3m of3_msa)
of3_fuzz(fuzz_stockholm of3_msa)
of3_fuzz(fuzz_npz of3_msa)
