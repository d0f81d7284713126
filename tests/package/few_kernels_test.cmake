# An engine with the kernels of one network only (NIBBLE_KERNELS_FOR): runs that network, names the kernel that another
# one lacks, and is smaller.
# cmake -DBUILD=... -DSOURCE=... -DWORK=... -DZSTD=<library> -DVULKAN=<headers> -P few_kernels_test.cmake
include("${CMAKE_CURRENT_LIST_DIR}/run.cmake")
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")

function(stripped_size variable program)
  run(strip -o "${WORK}/stripped" "${program}")
  file(SIZE "${WORK}/stripped" bytes)
  set(${variable} ${bytes} PARENT_SCOPE)
endfunction()

set(models "${SOURCE}/samples/models")
set(int8 "${WORK}/int8.nbl")
set(fp32 "${WORK}/fp32.nbl")
run("${BUILD}/converter/nibble-convert" "${models}/classifier.onnx" -o "${int8}" --weights int8 --rounding nearest
    --no-equalize --no-choose --calibrate "${models}/data/glyphs/calibration-images-idx3-ubyte"
    --preprocess "${models}/classifier.preprocess.json" --samples 20)
run("${BUILD}/converter/nibble-convert" "${models}/classifier.onnx" -o "${fp32}" --weights fp32)
run("${BUILD}/samples/c/classify_c" "${int8}")
string(REGEX MATCH "best output [^\n]*" expected "${OUTPUT}")

run("${CMAKE_COMMAND}" -S "${SOURCE}/tests/package/few_kernels" -B "${WORK}/build" -G Ninja -DCMAKE_BUILD_TYPE=Release
    "-DNIBBLE_SOURCE=${SOURCE}" "-DNIBBLE_BUILD=${BUILD}" "-DNIBBLE_ZSTD_LIBRARY=${ZSTD}"
    "-DNIBBLE_VULKAN_INCLUDE_DIR=${VULKAN}" "-DNIBBLE_KERNELS_FOR=${int8}"
    "-DNIBBLE_INSPECT=${BUILD}/engine/tools/nibble-inspect")
run("${CMAKE_COMMAND}" --build "${WORK}/build")
set(few "${WORK}/build/few_kernels")
run("${few}" "${int8}")
if(NOT expected OR NOT OUTPUT MATCHES "${expected}")
  message(FATAL_ERROR "with few kernels: expected '${expected}', found '${OUTPUT}'")
endif()
execute_process(COMMAND "${few}" "${fp32}" RESULT_VARIABLE code ERROR_VARIABLE err OUTPUT_QUIET)
if(NOT code EQUAL 1 OR NOT err MATCHES "kernel [a-z0-9_]+_f32[a-z_]* for .* is not in this build of nibble")
  message(FATAL_ERROR "a network whose kernels are missing ended with ${code}: ${err}")
endif()
message(STATUS "${err}")

stripped_size(all "${BUILD}/samples/c/classify_c")
stripped_size(some "${few}")
message(STATUS "program with all kernels, stripped: ${all} bytes; with those of one int8 network: ${some} bytes")
math(EXPR most "${all} * 3 / 4")
if(some GREATER most)
  message(FATAL_ERROR "leaving out kernels saves less than a quarter")
endif()

# A list may also be given as names; one that this version does not know is refused.
file(WRITE "${WORK}/names.txt" "conv2d_w8_i8_shift\nno_such_kernel\n")
execute_process(COMMAND "${CMAKE_COMMAND}" -S "${SOURCE}/tests/package/few_kernels" -B "${WORK}/refused" -G Ninja
  "-DNIBBLE_SOURCE=${SOURCE}" "-DNIBBLE_BUILD=${BUILD}" "-DNIBBLE_KERNELS_FOR=${WORK}/names.txt"
  RESULT_VARIABLE code ERROR_VARIABLE err OUTPUT_QUIET)
if(code EQUAL 0 OR NOT err MATCHES "no_such_kernel")
  message(FATAL_ERROR "an unknown kernel in a list ended with ${code}: ${err}")
endif()
