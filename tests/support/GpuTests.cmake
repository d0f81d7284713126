# GPU tests run once per software Vulkan driver that is installed; a developer with a GPU may add it by
# -DNIBBLE_GPU_ICD=<manifest>.
find_file(NIBBLE_LLVMPIPE_ICD NAMES lvp_icd.${CMAKE_HOST_SYSTEM_PROCESSOR}.json lvp_icd.json
  PATHS /usr/share/vulkan/icd.d /usr/local/share/vulkan/icd.d DOC "Vulkan driver manifest of Mesa's llvmpipe")
find_file(NIBBLE_SWIFTSHADER_ICD NAMES vk_swiftshader_icd.json
  PATHS /usr/local/lib/nibble-swiftshader DOC "Vulkan driver manifest of SwiftShader")
set(NIBBLE_GPU_ICD "" CACHE FILEPATH "Vulkan driver manifest of a GPU to run the GPU tests on as well")

set(NIBBLE_TEST_DRIVERS "" CACHE INTERNAL "names of the drivers that GPU tests run on")
foreach(driver llvmpipe swiftshader gpu)
  string(TOUPPER NIBBLE_${driver}_ICD manifest)
  if(${manifest})
    set(NIBBLE_TEST_DRIVERS ${NIBBLE_TEST_DRIVERS} ${driver} CACHE INTERNAL "")
  elseif(NOT driver STREQUAL "gpu")
    message(STATUS "GPU tests: no ${driver} found (third_party/install.sh installs it); they do not run on it")
  endif()
endforeach()

set(NIBBLE_TEST_SUPPORT_DIR ${CMAKE_CURRENT_LIST_DIR})

# nibble_add_gpu_test(target [MASKED] [TIMEOUT seconds] [LABELS label...] [ARGS argument...])
# Registers a GoogleTest executable as <target>.<driver>, with validation on, that of synchronization too (the layer's
# own variable VK_LAYER_ENABLES asks for it, so that it reaches an application's devices as well): a message fails the test
# that caused it. Software drivers run dispatches one after the other; a missing barrier shows here alone. MASKED adds <target>.<driver>.minimum, which sees only what Vulkan 1.1 guarantees.
function(nibble_add_gpu_test target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "MASKED" "TIMEOUT" "LABELS;ARGS")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 600)
  endif()
  target_sources(${target} PRIVATE ${NIBBLE_TEST_SUPPORT_DIR}/validation_listener.cpp)
  target_include_directories(${target} PRIVATE ${NIBBLE_TEST_SUPPORT_DIR}/..)
  set(masks "none")
  if(arg_MASKED)
    list(APPEND masks "minimum")
  endif()
  foreach(driver ${NIBBLE_TEST_DRIVERS})
    string(TOUPPER NIBBLE_${driver}_ICD manifest)
    foreach(mask ${masks})
      set(name ${target}.${driver})
      set(environment VK_ICD_FILENAMES=${${manifest}} VK_DRIVER_FILES=${${manifest}} NIBBLE_VALIDATION=1 NIBBLE_DEVICE=
          NIBBLE_PIPELINE_CACHE= VK_LAYER_ENABLES=VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT)
      if(driver STREQUAL "llvmpipe")
        # Mesa 22.3's llvmpipe leaks some 120 bytes for each instance, and is unloaded when a sanitizer could name it.
        list(APPEND environment ASAN_OPTIONS=detect_leaks=0)
      endif()
      if(mask STREQUAL "minimum")
        set(name ${name}.minimum)
        list(APPEND environment NIBBLE_CAPS_MASK=minimum)
      endif()
      add_test(NAME ${name} COMMAND ${target} ${arg_ARGS})
      set_tests_properties(${name} PROPERTIES ENVIRONMENT "${environment}" LABELS "gpu;${arg_LABELS}"
        TIMEOUT ${arg_TIMEOUT})
    endforeach()
  endforeach()
endfunction()
