# What the tests of src/train read: fixtures of tests/fixtures/training.
add_library(training_fixture STATIC unit/training_fixture.c)
target_link_libraries(training_fixture PUBLIC of3_train of3_flags PkgConfig::CMOCKA)
of3_test(test_losses training_fixture)
of3_test(test_alignment training_fixture)
of3_test(test_optimiser training_fixture)
of3_test(test_initialise of3_train)
of3_test(test_metrics training_fixture)
of3_test(test_train_log of3_train)
of3_test(test_sample training_fixture of3_rdkit of3_cpu of3_feature_file)
if(TARGET of3_rdkit_plugin)
  add_dependencies(test_sample of3_rdkit_plugin)
  set_tests_properties(test_sample PROPERTIES ENVIRONMENT OF3_RDKIT_PLUGIN=$<TARGET_FILE:of3_rdkit_plugin>)
endif()
of3_test(test_trainer training_fixture of3_cpu of3_feature_file)
# Under the sanitizers without the ten steps of three protocols, which are the code of the others once more, with other numbers.
add_test(NAME test_trainer_sanitized CONFIGURATIONS sanitized COMMAND test_trainer steps_are_the_oracles
         WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
