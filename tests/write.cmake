foreach(name test_scores test_write test_tree)
  of3_test(${name} of3_write)
  target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit/write_fixture.c)
endforeach()
