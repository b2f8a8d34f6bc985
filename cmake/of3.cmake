# of3_library(NAME sources...): the static library of3_NAME of one folder under src/, with the project's warnings.
add_library(of3_flags INTERFACE)
target_compile_options(of3_flags INTERFACE -Wall -Wextra -Wshadow -Wvla -fno-math-errno -ffp-contract=off)
target_include_directories(of3_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
if(APPLE)
  # What is not in POSIX, such as mkdtemp in unistd.h, is hidden there from files that ask for POSIX.
  target_compile_definitions(of3_flags INTERFACE _DARWIN_C_SOURCE)
endif()
if(OF3_WERROR)
  target_compile_options(of3_flags INTERFACE -Werror)
endif()
if(OF3_SANITIZE)
  target_compile_options(of3_flags INTERFACE -fsanitize=${OF3_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(of3_flags INTERFACE -fsanitize=${OF3_SANITIZE})
endif()
if(OF3_FUZZ)
  target_compile_options(of3_flags INTERFACE -fsanitize=fuzzer-no-link)
  add_custom_target(fuzzers)
endif()

function(of3_library name)
  add_library(of3_${name} STATIC ${ARGN})
  target_link_libraries(of3_${name} PUBLIC of3_flags)
  set_property(GLOBAL APPEND PROPERTY OF3_LIBRARIES of3_${name})
endfunction()

# of3_test(NAME LIBRARIES... ): tests/unit/NAME.c (cmocka), run by ctest.
enable_testing()
function(of3_test name)
  add_executable(${name} ${CMAKE_SOURCE_DIR}/tests/unit/${name}.c)
  target_link_libraries(${name} PRIVATE ${ARGN} of3_flags PkgConfig::CMOCKA)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
endfunction()

# of3_test_allocations(NAME LIBRARIES...): a test that counts allocations or makes them fail (tests/unit/allocations.h).
# Not on macOS, whose linker has no --wrap.
function(of3_test_allocations name)
  if(APPLE)
    return()
  endif()
  of3_test(${name} ${ARGN})
  target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit/allocations.c)
  target_link_options(${name} PRIVATE LINKER:--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc)
endfunction()

# of3_fuzz(NAME LIBRARIES...): tests/fuzz/NAME.c with LLVMFuzzerTestOneInput. Always built as a replayer of the corpus
# tests/fuzz/corpus/NAME (run by ctest); with OF3_FUZZ also as a fuzzer NAME_fuzzer, all of which are the target fuzzers.
function(of3_fuzz name)
  add_executable(${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}.c ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.c)
  target_link_libraries(${name} PRIVATE ${ARGN} of3_flags)
  add_test(NAME ${name} COMMAND ${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  if(OF3_FUZZ)
    add_executable(${name}_fuzzer ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}.c)
    target_link_libraries(${name}_fuzzer PRIVATE ${ARGN} of3_flags)
    target_link_options(${name}_fuzzer PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers ${name}_fuzzer)
  endif()
endfunction()
