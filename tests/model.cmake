# The parity program (build/tests/parity), and the committed fixtures through every backend and instruction set.
add_executable(parity parity/parity.c parity/compare.c parity/bounds.c parity/scores_of.c)
target_link_libraries(parity PRIVATE of3_model of3_cpu of3_mlx of3_write of3_feature_file of3_flags)
target_include_directories(parity PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/parity)

set(FIXTURES ${CMAKE_CURRENT_SOURCE_DIR}/fixtures/parity)
function(of3_parity name checkpoint fixture)
  add_test(NAME parity_${name} COMMAND parity --checkpoint ${checkpoint} --fixture ${fixture} ${ARGN})
  set_tests_properties(parity_${name} PROPERTIES SKIP_RETURN_CODE 77)
endfunction()
foreach(variant p1 p2 ob)
  set(files ${FIXTURES}/checkpoint_${variant}.safetensors ${FIXTURES}/fixture_${variant}.safetensors)
  of3_parity(${variant}_reference ${files} --backend reference)
  foreach(isa plain avx2 avx512 neon)
    of3_parity(${variant}_${isa} ${files} --isa ${isa} --threads 2)
  endforeach()
  of3_parity(${variant}_reference_bf16 ${files} --backend reference --dtype bf16)
  foreach(isa plain avx2 avx512 avx512bf16 amx neon neonbf16)
    of3_parity(${variant}_${isa}_bf16 ${files} --isa ${isa} --threads 2 --dtype bf16)
  endforeach()
endforeach()
of3_parity(demo ${CMAKE_SOURCE_DIR}/examples/demo/of3-demo.safetensors ${FIXTURES}/fixture_demo.safetensors)
of3_parity(demo_bf16 ${CMAKE_SOURCE_DIR}/examples/demo/of3-demo.safetensors ${FIXTURES}/fixture_demo.safetensors
           --dtype bf16)

of3_test(test_plan of3_model of3_cpu)
if(NOT APPLE) # its linker has no --wrap
  of3_test(test_sampling_memory of3_model of3_cpu)
  target_link_options(test_sampling_memory PRIVATE
                      LINKER:--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc)
endif()
