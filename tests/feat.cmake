# Queries, alignments, features.
of3_test(test_query of3_feat)
of3_test(test_features of3_feature_file)
