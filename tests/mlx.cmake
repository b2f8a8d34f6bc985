# The MLX backend: opening it, every operation, the committed fixtures. Without a plugin the tests that need it are
# skipped.
of3_test(test_mlx_open of3_mlx)
target_compile_definitions(test_mlx_open PRIVATE OF3_FAKES="${CMAKE_CURRENT_BINARY_DIR}/fakes" _GNU_SOURCE)
foreach(fake nameless stale other old broken good)
  string(TOUPPER ${fake} upper)
  add_library(fake_${fake} MODULE ${CMAKE_SOURCE_DIR}/tests/unit/fake_plugin.c)
  target_link_libraries(fake_${fake} PRIVATE of3_flags of3_plugin_interface)
  target_compile_definitions(fake_${fake} PRIVATE FAKE_${upper})
  set_target_properties(fake_${fake} PROPERTIES PREFIX "" SUFFIX .so C_VISIBILITY_PRESET default LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/fakes)
  add_dependencies(test_mlx_open fake_${fake})
endforeach()

add_executable(test_ops_mlx unit/test_ops_mlx.c)
target_link_libraries(test_ops_mlx PRIVATE ops_cases of3_mlx of3_flags)
add_test(NAME test_ops_mlx COMMAND test_ops_mlx)
add_test(NAME test_ops_mlx_bf16 COMMAND test_ops_mlx --dtype bf16)
# f16 has no -1e9: masks in biases are others there than in the reference.
add_test(NAME test_ops_mlx_f16 COMMAND test_ops_mlx --dtype f16 linear norm transition gated_transition triangle_mul
                                       triangle_attention outer_product_mean pair_weighted_average)
# What kernels decline the reference does on copies of MLX's memory.
add_test(NAME test_ops_mlx_declined COMMAND test_ops_mlx --declined add copy outer_sum combine gather distance_bin)
add_test(NAME test_ops_mlx_declined_bf16 COMMAND test_ops_mlx --declined --dtype bf16 add copy attention)
add_executable(test_backward_mlx unit/test_backward_mlx.c)
target_link_libraries(test_backward_mlx PRIVATE ops_cases of3_mlx of3_flags)
add_test(NAME test_backward_mlx COMMAND test_backward_mlx)
add_executable(test_mlx_model unit/test_mlx_model.c)
target_link_libraries(test_mlx_model PRIVATE of3_api of3_mlx of3_flags)
add_test(NAME test_mlx_model COMMAND test_mlx_model WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
of3_test(test_region of3_cpu of3_mlx)
add_test(NAME test_region_mlx COMMAND test_region mlx)
add_test(NAME test_tape_mlx COMMAND test_tape mlx WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
add_test(NAME test_fold_batch_mlx COMMAND test_fold_batch mlx WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
add_test(NAME test_evoformer_mlx COMMAND test_evoformer mlx WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
of3_parity(gradients_mlx ${FIXTURES}/checkpoint_ob.safetensors ${FIXTURES}/gradients_ob.safetensors --backend mlx)
of3_parity(gradients_dropout_mlx ${FIXTURES}/checkpoint_ob.safetensors ${FIXTURES}/dropout_ob.safetensors --backend mlx --tape recompute)
add_test(NAME test_trainer_mlx COMMAND test_trainer mlx WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set(mlx_tests test_trainer_mlx test_backward_mlx parity_gradients_mlx parity_gradients_dropout_mlx test_evoformer_mlx test_mlx_model test_region_mlx test_tape_mlx test_fold_batch_mlx test_ops_mlx test_ops_mlx_declined test_ops_mlx_declined_bf16 test_ops_mlx_bf16
    test_ops_mlx_f16)
foreach(variant p1 p2 ob)
  of3_parity(${variant}_mlx ${FIXTURES}/checkpoint_${variant}.safetensors ${FIXTURES}/fixture_${variant}.safetensors
             --backend mlx)
  of3_parity(${variant}_mlx_tape ${FIXTURES}/checkpoint_${variant}.safetensors
             ${FIXTURES}/fixture_${variant}.safetensors --backend mlx --tape poison)
  of3_parity(${variant}_mixed_mlx ${FIXTURES}/checkpoint_${variant}.safetensors
             ${FIXTURES}/fixture_${variant}_mixed.safetensors --backend mlx)
  list(APPEND mlx_tests parity_${variant}_mlx parity_${variant}_mlx_tape parity_${variant}_mixed_mlx)
  foreach(type bf16 f16)
    of3_parity(${variant}_mlx_${type} ${FIXTURES}/checkpoint_${variant}.safetensors
               ${FIXTURES}/fixture_${variant}.safetensors --backend mlx --dtype ${type})
    list(APPEND mlx_tests parity_${variant}_mlx_${type})
  endforeach()
endforeach()
of3_parity(demo_mlx ${CMAKE_SOURCE_DIR}/examples/demo/of3-demo.safetensors ${FIXTURES}/fixture_demo.safetensors
           --backend mlx)
list(APPEND mlx_tests parity_demo_mlx)
if(TARGET of3_shared_pages) # weights where they lie in the file, as on a Mac
  add_test(NAME test_mlx_model_in_place COMMAND test_mlx_model in_place WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  of3_parity(ob_mlx_in_place ${FIXTURES}/checkpoint_ob.safetensors ${FIXTURES}/fixture_ob.safetensors --backend mlx)
  set(in_place_tests test_mlx_model_in_place parity_ob_mlx_in_place)
  list(APPEND mlx_tests ${in_place_tests})
endif()
if(NOT TARGET of3_mlx_plugin)
  set_tests_properties(${mlx_tests} PROPERTIES SKIP_RETURN_CODE 77)
else()
  # A plugin that was built has to open: a code without a meaning takes the one of of3_parity.
  set_tests_properties(${mlx_tests} PROPERTIES SKIP_RETURN_CODE 256)
  # MLX would start a C++ compiler at run time to fuse elementwise work on the CPU.
  set_tests_properties(${mlx_tests} PROPERTIES ENVIRONMENT
                       "OF3_MLX_PLUGIN=$<TARGET_FILE:of3_mlx_plugin>;MLX_DISABLE_COMPILE=1")
  if(TARGET of3_shared_pages)
    set_property(TEST ${in_place_tests} APPEND PROPERTY ENVIRONMENT
                 "LD_PRELOAD=$<TARGET_FILE:of3_shared_pages>;ASAN_OPTIONS=verify_asan_link_order=0") # it comes before ASan's
  endif()
endif()
