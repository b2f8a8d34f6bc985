set(write_tests test_scores test_write test_tree)
if(NOT APPLE) # its linker has no --wrap
  list(APPEND write_tests test_write_memory)
endif()
foreach(name ${write_tests})
  of3_test(${name} of3_write)
  target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit/write_fixture.c)
endforeach()
if(NOT APPLE)
  target_link_options(test_write_memory PRIVATE
                      LINKER:--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc)
endif()
