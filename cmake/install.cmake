# What `make install` puts where: the program, the library libof3 with its headers, a file for pkg-config, what
# `of3 selftest` runs (and the plugin, by src/mlx). The library is made of the same objects as the program; it shows what include/*.h declares, nothing else.
include(GNUInstallDirs)
set(objects "")
get_property(libraries GLOBAL PROPERTY OF3_LIBRARIES)
foreach(library ${libraries})
  list(APPEND objects $<TARGET_OBJECTS:${library}>)
endforeach()
add_library(of3_shared SHARED ${objects})
target_link_libraries(of3_shared PRIVATE PkgConfig::JANSSON PkgConfig::YAML ZLIB::ZLIB Threads::Threads m ${CMAKE_DL_LIBS} of3_flags)
set_target_properties(of3_shared PROPERTIES OUTPUT_NAME of3 VERSION ${PROJECT_VERSION}
                      SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} LINKER_LANGUAGE C)
if(NOT APPLE AND NOT OF3_SANITIZE)
  target_link_options(of3_shared PRIVATE -Wl,--no-undefined) # a missing function is the build's error, not the user's
endif()
install(TARGETS of3_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(
  FILES
  include/of3.h
  include/of3_bench.h
  include/of3_chem.h
  include/of3_data.h
  include/of3_inputs.h
  include/of3_msa.h
  include/of3_plot.h
  include/of3_search.h
  include/of3_settings.h
  include/of3_train.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
configure_file(cmake/of3.pc.in ${CMAKE_BINARY_DIR}/of3.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/of3.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# cli/cmd_selftest.c looks here. parity: tests/model.cmake.
set(selftest_folder lib/of3/selftest)
install(DIRECTORY tests/fixtures/parity/ DESTINATION ${selftest_folder} FILES_MATCHING PATTERN "*_p1.safetensors"
        PATTERN "*_p2.safetensors" PATTERN "*_ob.safetensors" PATTERN "fixture_demo.safetensors")
install(FILES examples/demo/of3-demo.safetensors DESTINATION ${selftest_folder} RENAME checkpoint_demo.safetensors)
