# Tests that are not one doctest program a layer.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

add_test(NAME tidy COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tests/tidy.py)
add_test(NAME flows COMMAND streamflowd test ${CMAKE_SOURCE_DIR}/tests/flows)
set_tests_properties(web connectors PROPERTIES LABELS threads)

# The real daemon against real servers (tests/e2e) and in a real browser (tests/browser).
# Debian's python3 has python3-pandas; another one that comes first on the path may not.
find_program(SYSTEM_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH)
file(GLOB e2e CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/e2e/*_test.py)
foreach(path ${e2e})
  get_filename_component(name ${path} NAME_WE)
  add_test(NAME e2e_${name} COMMAND ${SYSTEM_PYTHON} ${path})
  # Memory that stays flat says nothing under a sanitizer.
  string(REPLACE "soak_test" "slow" label ${name})
  set_tests_properties(e2e_${name} PROPERTIES LABELS "e2e;${label}"
    ENVIRONMENT "STREAMFLOWD=$<TARGET_FILE:streamflowd>;STREAMFLOW_SANITIZE=${STREAMFLOW_SANITIZE}")
endforeach()

# The daemon's results against those of pandas on the same records.
file(GLOB oracles CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/oracle/*_test.py)
foreach(path ${oracles})
  get_filename_component(name ${path} NAME_WE)
  add_test(NAME oracle_${name} COMMAND ${SYSTEM_PYTHON} ${path})
  set_tests_properties(oracle_${name} PROPERTIES LABELS oracle SKIP_RETURN_CODE 77
    ENVIRONMENT "STREAMFLOWD=$<TARGET_FILE:streamflowd>")
endforeach()

find_program(NODE node)
if(STREAMFLOW_DASHBOARD AND NODE)
  add_test(NAME browser
    COMMAND ${CMAKE_SOURCE_DIR}/tests/browser/run ${CMAKE_BINARY_DIR}/screenshots)
  set_tests_properties(browser PROPERTIES LABELS browser
    ENVIRONMENT "STREAMFLOWD=$<TARGET_FILE:streamflowd>;REQUIRE_DAEMON=1")
endif()

# Fuzzers: a main of our own that needs no libFuzzer; scripts/long runs them for longer.
function(streamflow_fuzzer name corpus)
  add_executable(fuzz_${name} fuzz/fuzz_${name}.cpp fuzz/driver.cpp)
  target_link_libraries(fuzz_${name} PRIVATE ${ARGN})
  add_test(NAME fuzz_${name} COMMAND fuzz_${name} --seconds 5 ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${corpus})
endfunction()
streamflow_fuzzer(expr expr streamflow_core)
