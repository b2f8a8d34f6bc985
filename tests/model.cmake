# The parity program (build/tests/parity).
add_executable(parity parity/parity.c parity/compare.c parity/bounds.c parity/scores_of.c)
target_link_libraries(parity PRIVATE of3_model of3_cpu of3_write of3_feature_file of3_flags)
target_include_directories(parity PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/parity)
