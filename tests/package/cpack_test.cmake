# Makes the .deb and .tar.gz packages, unpacks them into folders and builds the outside project against what is there,
# with both components.
# cmake -DBUILD=... -DSOURCE=... -DCPACK=... -DVERSION=... -DWORK=... -P cpack_test.cmake
include("${CMAKE_CURRENT_LIST_DIR}/run.cmake")
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")

run("${CPACK}" --config "${BUILD}/CPackConfig.cmake" -B "${WORK}/made")
file(GLOB debs "${WORK}/made/*.deb")
file(GLOB archives "${WORK}/made/*.tar.gz")
list(LENGTH debs deb_count)
list(LENGTH archives archive_count)
if(NOT deb_count EQUAL 2 OR NOT archive_count EQUAL 2)
  message(FATAL_ERROR "expected two .deb and two .tar.gz, found ${debs} ${archives}")
endif()
foreach(file IN LISTS debs archives)
  file(SIZE "${file}" bytes)
  get_filename_component(name "${file}" NAME)
  message(STATUS "${name}: ${bytes} bytes")
endforeach()

foreach(deb IN LISTS debs)
  run(dpkg-deb --field "${deb}" Package Version Depends)
  if(NOT OUTPUT MATCHES "Version: ${VERSION}" OR NOT OUTPUT MATCHES "Depends: .*libc6")
    message(FATAL_ERROR "${deb} says: ${OUTPUT}")
  endif()
  if(OUTPUT MATCHES "Package: libnibble-dev" AND OUTPUT MATCHES "libonnx|libdnnl|libprotobuf")
    message(FATAL_ERROR "the engine's package depends on what only the converter needs: ${OUTPUT}")
  endif()
  run(dpkg-deb -x "${deb}" "${WORK}/deb")
endforeach()
file(MAKE_DIRECTORY "${WORK}/tar")
foreach(archive IN LISTS archives)
  run("${CMAKE_COMMAND}" -E chdir "${WORK}/tar" "${CMAKE_COMMAND}" -E tar xf "${archive}")
endforeach()

# Each installed converter makes the network that its engine runs.
function(use name prefix shared)
  run("${prefix}/bin/nibble-convert" "${SOURCE}/samples/models/classifier.onnx" -o "${WORK}/${name}.nbl" --weights fp32)
  run("${CMAKE_COMMAND}" -S "${SOURCE}/tests/package/outside" -B "${WORK}/${name}_build" -G Ninja
      -DCMAKE_BUILD_TYPE=Release "-DCMAKE_PREFIX_PATH=${prefix}" -DBUILD_SHARED_LIBS=${shared} -DWITH_CONVERTER=ON
      "-DCLASSIFY_C=${SOURCE}/samples/c/classify.c")
  run("${CMAKE_COMMAND}" --build "${WORK}/${name}_build")
  run("${WORK}/${name}_build/in_cpp" "${WORK}/${name}.nbl")
  if(NOT OUTPUT MATCHES "best output 26 of 50: 7[.]71")
    message(FATAL_ERROR "${name}: found '${OUTPUT}'")
  endif()
  message(STATUS "${name}: ${CMAKE_MATCH_0}")
endfunction()

use(deb "${WORK}/deb/usr" ON)
use(tar "${WORK}/tar" OFF)
