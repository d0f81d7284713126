# NIBBLE_ASSERT_RULES in a build of several configurations: AUTO is for Debug alone, ON and OFF are for all, and what was
# said before does not stick.
# cmake -DSOURCE=... -DWORK=... -P assert_rules_test.cmake
include("${CMAKE_CURRENT_LIST_DIR}/run.cmake")
file(REMOVE_RECURSE "${WORK}")
foreach(value AUTO ON OFF AUTO)
  run("${CMAKE_COMMAND}" -S "${SOURCE}" -B "${WORK}" -G "Ninja Multi-Config" -DNIBBLE_BUILD_TOOLS=OFF
      -DNIBBLE_BUILD_CONVERTER=OFF -DNIBBLE_BUILD_SAMPLES=OFF -DNIBBLE_INSTALL=OFF -DNIBBLE_BUILD_TESTS=OFF
      -DNIBBLE_ASSERT_RULES=${value})
  file(STRINGS "${WORK}/compile_commands.json" commands REGEX "\"command\".*/core/rule\\.cpp")
  foreach(config Debug Release)
    set(command "${commands}")
    list(FILTER command INCLUDE REGEX "nibble_core\\.dir/${config}/")
    if(NOT command)
      message(FATAL_ERROR "no command compiles core/rule.cpp for ${config}")
    endif()
    set(expected OFF)
    if(value STREQUAL "ON" OR (value STREQUAL "AUTO" AND config STREQUAL "Debug"))
      set(expected ON)
    endif()
    set(found OFF)
    if(command MATCHES "-DNIBBLE_ASSERT_RULES")
      set(found ON)
    endif()
    if(NOT found STREQUAL expected)
      message(FATAL_ERROR "NIBBLE_ASSERT_RULES=${value} is ${found} in ${config}, expected ${expected}")
    endif()
  endforeach()
endforeach()
